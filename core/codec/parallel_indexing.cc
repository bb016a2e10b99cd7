#include "core/codec/parallel_indexing.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/base/parallel.h"
#include "core/codec/gzip_parallel.h"

namespace layoutfs {
namespace {

// The memory of chunks suffices for this number of threads. More of them need smaller chunks, which are
// decoded twice for a larger part.
constexpr std::size_t kThreadsOfLargeChunks = 7, kMostThreads = 14;

GzipParallelOptions options_on(std::size_t cores) {
  // The threads share the cores with those that hash and make the index, which wait some of the time.
  GzipParallelOptions options{.threads = std::min(cores, kThreadsOfLargeChunks)};
  if (cores < kMostThreads) return options;
  options.threads = kMostThreads;
  options.piece_size /= 2;
  options.chunk_size /= 2;
  return options;
}

std::atomic<std::size_t> running_passes = 0;

// A pass that uses a share of the cores while it exists.
class Pass {
 public:
  Pass() { ++running_passes; }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;
  ~Pass() { --running_passes; }

  static bool has_share_of(std::size_t cores) { return cores >= kLeastCoresToShare * running_passes; }
};

class CountedIndexing final : public IndexingDecoder {
 public:
  explicit CountedIndexing(std::unique_ptr<IndexingDecoder> decoder) : decoder_(std::move(decoder)) {}
  Result<Step> step(std::span<std::byte> out) override { return decoder_->step(out); }

 private:
  const Pass pass_;
  std::unique_ptr<IndexingDecoder> decoder_;
};

}  // namespace

std::unique_ptr<IndexingDecoder> start_indexing_on(std::size_t cores, Compression compression,
                                                   ByteSource& source, std::uint64_t spacing,
                                                   std::uint64_t blob_size) {
  if (blob_size < kLeastSharedBlob) return start_indexing(compression, source, spacing);
  if (cores == 0) cores = physical_cores();
  if (cores < kLeastCoresToShare) return start_indexing(compression, source, spacing);
  if (compression != Compression::gzip)
    return std::make_unique<CountedIndexing>(start_indexing(compression, source, spacing));
  GzipParallelOptions options = options_on(cores);
  options.has_cores = [cores] { return Pass::has_share_of(cores); };
  return std::make_unique<CountedIndexing>(start_indexing_gzip_in_parallel(source, spacing, options));
}

}  // namespace layoutfs
