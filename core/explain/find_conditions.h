// The single conditions of find(1): their names, and the tests that they mean.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/explain/tree_walk.h"
#include "core/image/image_tree.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct Candidate {
  const ImageTree& tree;
  const WalkedFile& file;
};
using FileTest = std::function<bool(const Candidate&)>;

struct FindCondition {
  std::string_view name;  // "-name"
  std::string_view kind;  // of its value, for messages; empty if it has none
  // Returns the test. `name` is for messages, `value` is empty if there is none. Errc::invalid_argument if
  // the value is malformed.
  Result<FileTest> (*make)(const std::string& name, const std::string& value);
};

// Returns all conditions. FindExpression describes their meaning.
std::span<const FindCondition> find_conditions();

}  // namespace layoutfs
