#include "core/codec/parallel_indexing.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::gzip_of;
using testing::index_stream;
using testing::PiecewiseSource;

constexpr std::uint64_t kSharedSpacing = 1 << 20;

// Noise in the range of letters, which makes dynamic blocks.
Bytes letters(std::size_t size) {
  std::mt19937_64 random(61);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>('a' + random() % 26);
  return bytes;
}

struct SharedPass {
  PiecewiseSource source;
  std::unique_ptr<IndexingDecoder> decoder;

  SharedPass(ByteView blob, std::size_t cores, std::uint64_t blob_size)
      : source(blob),
        decoder(start_indexing_on(cores, Compression::gzip, source, kSharedSpacing, blob_size)) {}
  // Threads need pieces to work on.
  bool reads_ahead(ByteView blob) {
    Bytes out(1 << 10);
    EXPECT_TRUE(decoder->step(out));
    return blob.size() - source.rest().size() > kLeastSharedBlob / 8;
  }
};

TEST(ParallelIndexing, UsesThreadsForALargeBlobOnFourCores) {
  const Bytes blob = gzip_of(letters(15 << 20), {.level = 1});
  ASSERT_GT(blob.size(), kLeastSharedBlob);
  EXPECT_TRUE(SharedPass(blob, 4, blob.size()).reads_ahead(blob));
  EXPECT_TRUE(SharedPass(blob, 64, blob.size()).reads_ahead(blob));
  EXPECT_FALSE(SharedPass(blob, 2, blob.size()).reads_ahead(blob));
  EXPECT_FALSE(SharedPass(blob, 3, blob.size()).reads_ahead(blob));
  EXPECT_FALSE(SharedPass(blob, 64, kLeastSharedBlob - 1).reads_ahead(blob));
}

TEST(ParallelIndexing, PassesShareTheCores) {
  const Bytes blob = gzip_of(letters(15 << 20), {.level = 1});
  SharedPass first(blob, 8, blob.size());
  auto second = std::make_unique<SharedPass>(blob, 8, blob.size());
  EXPECT_TRUE(second->reads_ahead(blob));
  SharedPass third(blob, 8, blob.size());
  EXPECT_FALSE(third.reads_ahead(blob));
  second.reset();
  EXPECT_TRUE(first.reads_ahead(blob));
  // It continues with threads.
  EXPECT_TRUE(third.reads_ahead(blob));
}

TEST(ParallelIndexing, GivesTheSameBytesOnAnyNumberOfCores) {
  const Bytes plain = letters(15 << 20);
  const Bytes blob = gzip_of(plain, {.level = 1});
  for (const std::size_t cores : {1u, 4u, 8u, 16u}) {
    PiecewiseSource source(blob);
    const auto indexed = index_stream(
        Compression::gzip, start_indexing_on(cores, Compression::gzip, source, kSharedSpacing, blob.size()));
    ASSERT_TRUE(indexed) << indexed.error().message();
    EXPECT_TRUE(indexed->plain == plain) << cores;
    EXPECT_GE(indexed->tables->points.size(), 8u);
  }
}

}  // namespace
}  // namespace layoutfs
