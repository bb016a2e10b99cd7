// The container of index files: the kind of the content, the digest of its blob or image, and a checksum of
// its tables.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/base/file.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class TableKind : std::uint32_t { layer_index = 1, image_tree = 2, tar_split = 3 };

// Returns a whole file. `version` is that of the payload's format; `digest` names the source of the tables.
Bytes seal_table_file(TableKind kind, std::uint32_t version, const Digest& digest, ByteView payload);

// Writes such a file piece by piece. Until finish() has returned, it is invalid.
class TableFileWriter {
 public:
  // `file` is empty and open for writing.
  TableFileWriter(UniqueFd file, TableKind kind, std::uint32_t version, Digest digest);
  ~TableFileWriter();

  // Adds to the payload. Errors of write(2).
  Status write(ByteView bytes);
  // Call it once, at the end.
  Status finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns the payload of `file`, aligned to 64 bytes if `file` is. Errc::corrupt, with the difference, if the
// file is damaged or has another kind, version or digest. Precondition: `file` is aligned to 8 bytes.
Result<ByteView> open_table_file(ByteView file, TableKind kind, std::uint32_t version, const Digest& digest);

// Returns whether the structs of a payload are aligned for use in place: FlatBuffers' verifier checks only
// the alignment of the length before them.
template <class T>
bool is_aligned(std::span<const T> structs) noexcept {
  return structs.empty() || reinterpret_cast<std::uintptr_t>(structs.data()) % alignof(T) == 0;
}

}  // namespace layoutfs
