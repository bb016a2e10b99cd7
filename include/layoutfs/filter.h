// containerd's filters (pkg/filters), which select objects by their fields.
//
//   name==app,labels.tier!=test,target.mediatype~=/index/
//
// A filter is a list of selectors, all of which must match. A selector is a field (names joined by '.'), an
// operator and a value. The operators are "==", "!=" and "~=", which matches if a regular expression (RE2, as
// in Go) matches a part of the value. A selector without an operator matches if the field exists. A missing
// field is an empty value for "!=" and "~=", and never matches "==".
//
// Names consist of letters, digits and '_'; other names are quoted with '"'. A value that does not start with
// one of . , = ! ~ / | " ends at the next blank or comma; other values are quoted. A value of "~=" may also
// be enclosed in // or ||. Quoted text may contain the escapes of a Go string.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// Returns the value of a field of the object, nullopt if it has no such field. The path has at least one
// name, e.g. {"labels", "tier"}.
using FilterLookup = std::function<std::optional<std::string>(std::span<const std::string> path)>;

// Immutable; cheap to copy. Any number of threads may call match() at the same time.
class Filter {
 public:
  // Limits: bytes of text, and regular expressions per filter, which take up to about a MiB each.
  static constexpr std::size_t kMaxLength = std::size_t{16} << 10;
  static constexpr std::size_t kMaxPatterns = 64;

  // An empty text matches everything. Errc::invalid_argument, with the position, if the text is invalid, or
  // if a regular expression is invalid or needs too much memory.
  static Result<Filter> parse(std::string_view text);
  // Returns a filter that matches if any of `texts` matches; it matches everything if there are none.
  static Result<Filter> parse_all(std::span<const std::string> texts);

  // Returns whether all selectors match the object. Cost: linear in the selectors; regular expressions take
  // linear time.
  bool match(const FilterLookup& lookup) const;

 private:
  struct State;
  explicit Filter(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace layoutfs
