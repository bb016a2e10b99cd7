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

// The member `annotations` of a descriptor or a document. Those that are null, a number or a boolean count as
// absent. Errc::invalid_image if it is something else than an object, or one of them is an object or an
// array.
Result<Annotations> annotations_of(JsonValue object);

// Errors are those of Descriptor::parse.
Result<Descriptor> parse_descriptor(JsonValue value);
// As Descriptor::to_json(). Annotations that annotations_of() leaves out stay, too.
void write_descriptor(JsonWriter& writer, const Descriptor& descriptor);

// Hostile documents and directories hold millions of entries that are one byte each.
inline constexpr std::size_t kMaxProblems = 1000;

// Descriptors as a document lists them: those that could be understood, in their order.
struct DescriptorList {
  std::vector<Descriptor> entries;
  std::vector<std::string> problems;  // one sentence for each of the others, up to kMaxProblems

  // Of the array `name` in `object`; JSON's null stands for none. Errc::invalid_image where it is absent or
  // something else.
  static Result<DescriptorList> from_member(JsonValue object, std::string_view name);
};

}  // namespace layoutfs
