// For tests: whether bytes are the same, without a step for each of them, of which there are millions.
#pragma once

#include <cstring>

#include "layoutfs/bytes.h"

namespace layoutfs::testing {

inline bool same_bytes(ByteView one, ByteView other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0);
}

}  // namespace layoutfs::testing
