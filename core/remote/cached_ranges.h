// The ranges of one blob that have been fetched, in a file or in memory.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/remote/range_directory.h"
#include "core/remote/range_file.h"
#include "core/remote/recent_chunks.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Chunks are stored in a file if possible, otherwise in memory, where only the most recent ones stay.
// Failures of the disk are logged, and the chunks count as missing. Thread-safe.
class CachedRanges {
 public:
  // A blob of `size` bytes. Cost: opens a file, reads its header.
  CachedRanges(std::shared_ptr<RangeDirectory> directory, Digest digest, std::uint64_t size);

  std::uint64_t size() const noexcept { return size_; }
  const Digest& digest() const noexcept { return digest_; }

  // Returns the file with exactly the content of the blob if that has been proven by the digest; null
  // otherwise.
  RangeFile::File complete() const { return state_.lock()->complete; }
  // Returns for each chunk in [first, first + count) whether it is present.
  std::vector<bool> present(std::uint64_t first, std::uint64_t count) const;
  bool has(std::uint64_t chunk) const { return present(chunk, 1).front(); }

  // Reads bytes of a chunk from its byte `begin` on. Returns false if it is missing.
  bool read(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out);
  void add(std::uint64_t chunk, const ChunkBytes& bytes);
  // Forgets the chunks [first, first + count), or the whole blob if it is complete.
  void drop(std::uint64_t first, std::uint64_t count);

  // Returns whether chunks are written to a file now.
  bool is_stored() const { return directory_->is_writable() && size_ <= RangeFile::kMaxSize; }
  // Returns whether all chunks seem to be in the file, and the content has not been proven. Cost: on average,
  // one pread of a few bytes.
  bool awaits_proof() const;
  // Compares the whole content with the digest; if it is right, complete() returns it from then on. Does
  // nothing if chunks are missing. Cost: reads and hashes the blob once. Errc::corrupt if it has another
  // digest: all ranges are dropped then. Errc::io if the file cannot be read. Errc::cancelled.
  Status prove(const Context& context);

 private:
  struct State {
    std::shared_ptr<RangeFile> ranges;  // null if there is no file
    bool is_writable = false;           // of `ranges`
    RangeFile::File complete;
    std::vector<RangeFile::File> former;  // were complete; users of BlobExtent may still have them
    RecentChunks recent;
  };

  std::shared_ptr<RangeFile> ranges() const;
  std::shared_ptr<RangeFile> ranges_to_write();
  void leave(const std::shared_ptr<RangeFile>& gone);
  void note_complete(const std::shared_ptr<RangeFile>& ranges) const;
  void mark_used(const RangeFile::File& file) const;

  const std::shared_ptr<RangeDirectory> directory_;
  const Digest digest_;
  const std::uint64_t size_;
  mutable Guarded<State> state_;
  mutable std::atomic<std::uint64_t> none_missing_below_ = 0;          // chunks; a start for searches
  mutable std::atomic<std::chrono::steady_clock::time_point> use_at_;  // time of the next mark as used
};

}  // namespace layoutfs
