// For tests: blobs in several compressions with their indexes, and streams over them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/worker_pool.h"
#include "core/codec/gzip.h"
#include "core/stream/layer_stream.h"
#include "tests/support/eventually.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs::testing {

inline constexpr std::uint64_t kSpacing = 16 << 10;

// Uses zlib for gzip, because it finds points at any distance.
inline IndexedStream indexed_stream(Compression compression, const Bytes& content, std::uint64_t max_span) {
  PiecewiseSource source(content);
  auto decoder = compression == Compression::gzip
                     ? start_indexing_gzip_by(DeflateLibrary::zlib, source, kSpacing)
                     : start_indexing(compression, source, kSpacing);
  return index_stream(compression, std::move(decoder), max_span).value();
}

// A blob, its index, and streams over it.
struct StreamFixture {
  StreamFixture(Compression compression, Bytes content, std::uint64_t max_span = 2 * kSpacing)
      : indexed(indexed_stream(compression, content, max_span)),
        blob(std::make_shared<MemoryBlob>(std::move(content))) {}

  LayerStream stream(std::shared_ptr<SpanCache> cache, bool verify = true) const {
    return LayerStream([blob = blob, opened = opened] { return ++*opened, Result<BlobPtr>(blob); },
                       indexed.index(), std::move(cache), verify);
  }

  IndexedStream indexed;
  std::shared_ptr<const Blob> blob;
  std::shared_ptr<std::atomic<int>> opened = std::make_shared<std::atomic<int>>(0);
};

inline std::vector<StreamFixture> fixtures() {
  const Bytes plain = sample_bytes(700'000, 31);
  std::vector<StreamFixture> all;
  all.emplace_back(Compression::none, plain);
  all.emplace_back(Compression::none, plain, 5'000);
  all.emplace_back(Compression::gzip, gzip_of(plain));
  all.emplace_back(Compression::gzip, gzip_of(plain, {.flush = Z_FULL_FLUSH, .piece = 3'000}), 5'000);
  all.emplace_back(Compression::gzip, gzip_members_of(plain, 512));
  all.emplace_back(Compression::gzip, gzip_of_one_block(plain));
  all.emplace_back(Compression::zstd, zstd_of(plain, {.window_log = 14}), 20'000);
  all.emplace_back(Compression::zstd, zstd_frames_of(plain, 50'000));
  return all;
}

// Checks that a read returns the plain bytes, and as many as there are.
inline void expect_stream_read(const LayerStream& stream, const Bytes& plain, std::uint64_t offset,
                               std::size_t size) {
  Bytes out(size);
  const auto got = stream.read(out, offset);
  ASSERT_TRUE(got) << got.error().message();
  const auto expected = ByteView(plain).subspan(std::min<std::size_t>(offset, plain.size()));
  ASSERT_EQ(*got, std::min(size, expected.size())) << "at " << offset;
  EXPECT_TRUE(same_bytes(ByteView(out).first(*got), expected.first(*got))) << size << " bytes at " << offset;
}

inline void read_in_order(const LayerStream& stream, const Bytes& plain, std::uint64_t begin,
                          std::size_t step) {
  for (std::uint64_t at = begin; at < plain.size(); at += step) expect_stream_read(stream, plain, at, step);
}

// Until no thread decodes ahead any more.
inline void wait_for_workers(SpanCache& cache) {
  EXPECT_TRUE(eventually([&] { return cache.workers().is_idle(); }));
}

// Calls `on_read` before each read.
class WatchedBlob final : public Blob {
 public:
  WatchedBlob(BlobPtr blob, std::function<void()> on_read)
      : blob_(std::move(blob)), on_read_(std::move(on_read)) {}
  std::uint64_t size() const noexcept override { return blob_->size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    on_read_();
    return blob_->read_at(out, offset);
  }

 private:
  BlobPtr blob_;
  std::function<void()> on_read_;
};

}  // namespace layoutfs::testing
