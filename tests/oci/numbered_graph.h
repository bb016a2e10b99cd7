// A graph of descriptors that are identified by numbers, without documents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/oci/walk.h"

namespace layoutfs::testing {

inline Descriptor numbered(std::uint64_t number) {
  return {.media_type = "text/plain", .digest = Digest::of(as_bytes(std::to_string(number))), .size = number};
}
inline std::vector<Descriptor> all_numbered(const std::vector<std::uint64_t>& numbers) {
  std::vector<Descriptor> descriptors;
  for (const auto number : numbers) descriptors.push_back(numbered(number));
  return descriptors;
}

// Descends to the numbers that `children_of_number` returns.
template <class Children>
Handler numbered_handler(Children children_of_number) {
  return [=](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    return Visit::to(all_numbered(children_of_number(descriptor.size)));
  };
}

}  // namespace layoutfs::testing
