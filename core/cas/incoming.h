// What blobs and uploads have in common while their content arrives.
#pragma once

#include <cstdint>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// Has the disk begin to write a file while it grows, so that fsync has little left to wait for.
class Writeback {
 public:
  // Of a file that has `size` bytes already, which are left alone.
  explicit Writeback(std::uint64_t size = 0) : begun_(size) {}
  // The file has `size` bytes now. A hint: where it fails, fsync does all of the work.
  void advance(int fd, std::uint64_t size) noexcept;

 private:
  std::uint64_t begun_;  // bytes
};

// What the content is hashed by.
Algorithm algorithm_of(const PutOptions& options);
// Whether the content is what it must be: Errc::digest_invalid, Errc::size_invalid.
Status check_wanted(const PutResult& put, const PutOptions& options);
// Writes what `content` delivers to `fd`, from `offset` on, and hashes the very bytes that it writes.
// Errc::size_invalid as soon as there are too many of them.
Result<PutResult> write_hashed(int fd, std::uint64_t offset, ByteSource& content, const PutOptions& options,
                               bool is_durable);

// The digest and the size of all that `content` delivers.
Result<PutResult> hash_content(ByteSource& content, Algorithm algorithm, const Context& context);

}  // namespace layoutfs
