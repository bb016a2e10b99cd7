// For tests: table files that are valid except for the property under test.
#pragma once

#include <cstring>

#include "core/layer/table_file.h"

namespace layoutfs::testing {

// Returns `file` with its payload shifted by four bytes, and an offset to its root before it: everything is
// unchanged except the alignment of larger values.
inline Bytes unaligned(ByteView file, TableKind kind, const Digest& digest) {
  const auto version = load_le<std::uint32_t>(file, 12);
  const ByteView payload = file.subspan(128);
  const std::uint32_t root = load_le<std::uint32_t>(payload) + 4;
  Bytes moved(4);
  std::memcpy(moved.data(), &root, sizeof root);
  moved.insert(moved.end(), payload.begin(), payload.end());
  return seal_table_file(kind, version, digest, moved);
}

}  // namespace layoutfs::testing
