// Receives the content of blobs and uploads.
#pragma once

#include <cstdint>

#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// Starts writing a growing file to disk early, so that fsync has little left to do.
class Writeback {
 public:
  // Ignores the first `size` bytes, which the file already has.
  explicit Writeback(std::uint64_t size = 0) : begun_(size) {}
  // Call it when the file has `size` bytes. A hint: if it fails, fsync does all of the work.
  void advance(int fd, std::uint64_t size) noexcept;

 private:
  std::uint64_t begun_;  // bytes
};

// Returns the algorithm for hashing the content.
Algorithm algorithm_of(const PutOptions& options);
// Errc::digest_invalid or Errc::size_invalid if the content does not match the options.
Status check_wanted(const PutResult& put, const PutOptions& options);
// Writes `content` to `fd`, starting at `offset`, and hashes exactly the bytes that it writes.
// Errc::size_invalid as soon as there are too many bytes.
Result<PutResult> write_hashed(int fd, std::uint64_t offset, ByteSource& content, const PutOptions& options,
                               bool is_durable);

// Returns the digest and the size of `content`.
Result<PutResult> hash_content(ByteSource& content, Algorithm algorithm, const Context& context);

}  // namespace layoutfs
