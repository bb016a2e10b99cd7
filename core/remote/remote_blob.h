// A blob of a registry, of which only the ranges that are read are fetched.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/guarded.h"
#include "core/remote/cached_ranges.h"
#include "core/remote/chunk_requests.h"
#include "core/remote/range_directory.h"
#include "core/remote/range_source.h"
#include "core/remote/remote_stats.h"
#include "core/remote/sequential_reads.h"
#include "core/remote/wrong_ranges.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Bytes come from the cache if it has them, otherwise from the source, and arrive there in chunks of 64 KiB.
// Nothing that is read has been compared with the digest unless is_complete(): the reader must verify it.
// Threads start with the first fetch and end with the blob. Thread-safe.
class RemoteBlob final : public Blob {
 public:
  // Users get blobs from a RangeCache.
  RemoteBlob(std::shared_ptr<RangeDirectory> directory, Digest digest, std::uint64_t size,
             std::shared_ptr<RemoteBlobStats> stats, RequestOptions options,
             std::shared_ptr<RequestSlots> slots);

  // Further requests use this source.
  void set_source(std::shared_ptr<const RangeSource> source) { requests_.set_source(std::move(source)); }

  std::uint64_t size() const noexcept override { return ranges_.size(); }
  // Errors are those of RangeSource for the bytes that are fetched, also if another thread fetches them. They
  // are not remembered. Errc::cancelled if `context` ends while the read waits; others continue to fetch.
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset,
                              const Context& context = {}) const override;
  // Starts to fetch up to 8 MiB of the range; reads of them continue it.
  void will_read(std::uint64_t offset, std::uint64_t size) const noexcept override;
  bool is_at_hand(std::uint64_t offset, std::uint64_t size) const noexcept override;
  // Returns the cached file if the blob is complete.
  std::optional<BlobExtent> extent() const noexcept override;

  // Returns whether the cache has all of the blob, proven by its digest.
  bool is_complete() const { return ranges_.complete() != nullptr; }
  // Fetches all missing ranges in order and proves the blob by its digest, which makes it complete.
  // Errors are those of RangeSource. Errc::corrupt if the content has another digest; all ranges are dropped
  // then. Errc::failed_precondition if the cache cannot store the blob. Errc::cancelled.
  Status prefetch(const Context& context) const;
  // Drops a range that turned out to be wrong, so that the next read fetches it again.
  void forget(std::uint64_t offset, std::uint64_t size) const;
  // Drops the range, for all processes; the whole blob if it is complete. Returns false if the same range was
  // dropped three times within ten seconds: it stays wrong. The first call logs a warning.
  bool distrust(std::uint64_t offset, std::uint64_t size) const noexcept override;

  RemoteStats stats() const noexcept { return stats_->now(); }

 private:
  WantedChunks note_read(std::uint64_t offset, std::uint64_t size) const;
  Status fetch_missing(const Context& context) const;
  Result<std::size_t> read_complete(int file, std::span<std::byte> out, std::uint64_t offset) const;
  Status read_chunk(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out,
                    const WantedChunks& wanted, const Context& context) const;

  const std::shared_ptr<RemoteBlobStats> stats_;
  mutable CachedRanges ranges_;
  mutable Guarded<SequentialReads> reads_;
  mutable WrongRanges wrong_;
  mutable std::atomic<bool> is_warned_ = false;
  mutable ChunkRequests requests_;  // ends before the others
};

}  // namespace layoutfs
