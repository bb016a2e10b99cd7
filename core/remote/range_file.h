// A sparse file with the ranges of one blob that have been fetched.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/file.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The file: the content of the blob at its own offsets, then a map with the checksum of every chunk that is
// present. Several processes read and fill it at the same time. Every read compares the checksum, so a crash,
// a lost write or a bad disk leaves missing chunks, never wrong ones.
//
// Once the whole content has been proven by its digest, the map is cut off, and the file is the blob.
// Thread-safe.
class RangeFile {
 public:
  using File = std::shared_ptr<const UniqueFd>;

  // Blobs above this size are not stored in files.
  static constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 40;

  // Writes an empty map for a blob of `size` bytes to an empty file.
  static Status initialize(int file, std::uint64_t size);
  // Errc::corrupt if the file has another format, or belongs to a blob of another size.
  static Result<std::shared_ptr<RangeFile>> open(UniqueFd file, std::uint64_t size);

  // Returns for each chunk in [first, first + count) whether it is present. Cost: one pread of 8 bytes per
  // chunk.
  std::vector<bool> present(std::uint64_t first, std::uint64_t count) const;
  // Returns the first chunk from `first` on that is missing; the number of chunks if none is. Cost: linear in
  // the result.
  std::uint64_t first_missing(std::uint64_t first) const;

  // Reads bytes of a chunk from its byte `begin` on. Returns false if the chunk is missing; a damaged one is
  // dropped. Cost: reads and checks the whole chunk. Errc::corrupt if a damaged chunk cannot be dropped.
  Result<bool> read(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out);

  enum class Added : std::uint8_t {
    yes,
    was_present,  // another process added it
    gone,         // the file was removed or emptied: nothing was written
  };
  // Adds a chunk. Waits for other processes, for a second at most. Errc::io if the file cannot be written or
  // locked.
  Result<Added> add(std::uint64_t chunk, ByteView bytes);
  // Removes the chunks [first, first + count), for all processes, unless the file is complete.
  Status drop(std::uint64_t first, std::uint64_t count);

  enum class Proof : std::uint8_t {
    right,       // now complete, and on disk
    wrong,       // now empty: the content has another digest
    impossible,  // chunks are missing or were damaged, or the file was removed
  };
  // Compares all content with its digest. Cost: reads and hashes the blob. Errc::cancelled.
  Result<Proof> prove(const Digest& digest, const Context& context);
  // Returns whether the content has been proven, by this or another process.
  bool is_complete() const noexcept { return is_complete_; }
  // Returns the file, which has exactly the content of the blob if it is complete.
  const File& file() const noexcept { return file_; }

 private:
  class Lock;
  RangeFile(UniqueFd file, std::uint64_t size)
      : file_(std::make_shared<const UniqueFd>(std::move(file))), size_(size) {}

  Result<Lock> lock() const;
  bool is_intact(const struct stat& status) const;
  enum class Found : std::uint8_t { right, missing, damaged };
  Result<Found> find(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out) const;
  Status drop_locked(std::uint64_t first, std::uint64_t count);
  Status load(std::uint64_t first, std::span<std::uint64_t> entries) const;
  Result<std::uint64_t> drop_count() const;
  Result<Digest> hash(Algorithm algorithm, const Context& context) const;
  bool drop_damaged();
  Result<Proof> conclude(bool is_right, std::uint64_t drops);

  const File file_;
  const std::uint64_t size_;    // of the blob
  mutable std::mutex writing_;  // the threads of this process share one lock of the file
  mutable std::atomic<bool> is_complete_ = false;
};

}  // namespace layoutfs
