// The container of the index files: what a file holds, of which blob or image, and a checksum of its tables.
#pragma once

#include <cstdint>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class TableKind : std::uint32_t { layer_index = 1, image_tree = 2 };

// A whole file. `version` is that of the payload's own format; `digest` names what the tables were made from.
Bytes seal_table_file(TableKind kind, std::uint32_t version, const Digest& digest, ByteView payload);

// The payload in `file`, aligned to 64 bytes if `file` is. Errc::corrupt, saying what differs, where the file
// is damaged or not what was asked for. `file` must be aligned to 8 bytes.
Result<ByteView> open_table_file(ByteView file, TableKind kind, std::uint32_t version, const Digest& digest);

// Whether the structs of a payload stand where they may be used in place: FlatBuffers' verifier looks at the
// alignment of the length in front of them, not at theirs.
template <class T>
bool is_aligned(std::span<const T> structs) noexcept {
  return structs.empty() || reinterpret_cast<std::uintptr_t>(structs.data()) % alignof(T) == 0;
}

}  // namespace layoutfs
