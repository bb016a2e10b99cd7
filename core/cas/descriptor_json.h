// Descriptors as members of JSON documents.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the member `annotations` of a descriptor or a document. Values that are null, numbers or booleans
// count as absent. Errc::invalid_image if it is not an object, or if a value is an object or an array.
Result<Annotations> annotations_of(JsonValue object);

// Errors are those of Descriptor::parse.
Result<Descriptor> parse_descriptor(JsonValue value);
// Like Descriptor::to_json(), and keeps annotations that annotations_of() ignores.
void write_descriptor(JsonWriter& writer, const Descriptor& descriptor);

// Limit for hostile documents and directories with millions of one-byte entries.
inline constexpr std::size_t kMaxProblems = 1000;

// A list of descriptors in a document: the valid ones, in order.
struct DescriptorList {
  std::vector<Descriptor> entries;
  std::vector<std::string> problems;  // one sentence for each invalid one, up to kMaxProblems

  // Parses the array `name` in `object`; null is an empty array. Errc::invalid_image if it is absent or has
  // another type.
  static Result<DescriptorList> from_member(JsonValue object, std::string_view name);
};

}  // namespace layoutfs
