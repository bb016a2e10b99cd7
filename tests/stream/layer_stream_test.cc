#include "core/stream/layer_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/stream/parked_decoders.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/stream_index_builder.h"

namespace layoutfs {
namespace {

using testing::gzip_members_of;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::sample_bytes;

constexpr std::uint64_t kSpacing = 16 << 10;

// A blob, its index, and streams over it.
struct Fixture {
  Fixture(Compression compression, Bytes content, std::uint64_t max_span = 2 * kSpacing)
      : indexed(index_stream(compression, content, kSpacing, max_span).value()),
        blob(std::make_shared<MemoryBlob>(std::move(content))) {}

  LayerStream stream(std::shared_ptr<SpanCache> cache, bool verify = true) const {
    return LayerStream([blob = blob, opened = opened] { return ++*opened, Result<BlobPtr>(blob); },
                       indexed.index(), std::move(cache), verify);
  }

  IndexedStream indexed;
  std::shared_ptr<const Blob> blob;
  std::shared_ptr<std::atomic<int>> opened = std::make_shared<std::atomic<int>>(0);
};

std::vector<Fixture> fixtures() {
  const Bytes plain = sample_bytes(700'000, 31);
  std::vector<Fixture> all;
  all.emplace_back(Compression::none, plain);
  all.emplace_back(Compression::gzip, gzip_of(plain));
  all.emplace_back(Compression::gzip, gzip_of(plain, {.flush = Z_FULL_FLUSH, .piece = 3'000}), 5'000);
  all.emplace_back(Compression::gzip, gzip_members_of(plain, 512));
  all.emplace_back(Compression::gzip, gzip_of_one_block(plain));
  return all;
}

// Whether a read gives what stands in the plain bytes, and as much of it as there is.
void expect_read(const LayerStream& stream, const Bytes& plain, std::uint64_t offset, std::size_t size) {
  Bytes out(size);
  const auto got = stream.read(out, offset);
  ASSERT_TRUE(got) << got.error().message();
  const auto expected = ByteView(plain).subspan(std::min<std::size_t>(offset, plain.size()));
  ASSERT_EQ(*got, std::min(size, expected.size())) << "at " << offset;
  EXPECT_TRUE(std::ranges::equal(ByteView(out).first(*got), expected.first(*got)))
      << size << " bytes at " << offset;
}

TEST(LayerStream, RandomReadsGiveThePlainBytes) {
  for (const Fixture& fixture : fixtures()) {
    for (const std::uint64_t budget : {std::uint64_t{0}, std::uint64_t{100'000}, std::uint64_t{10'000'000}}) {
      const std::uint64_t seed = 32 + budget;
      SCOPED_TRACE("seed " + std::to_string(seed));
      std::mt19937_64 random(seed);
      const auto cache = std::make_shared<SpanCache>(budget);
      const auto stream = fixture.stream(cache);
      EXPECT_EQ(stream.size(), fixture.indexed.plain.size());
      for (int round = 0; round < 60; ++round) {
        const auto offset = random() % (stream.size() + 1'000);
        expect_read(stream, fixture.indexed.plain, offset, random() % (round % 10 == 0 ? 200'000 : 5'000));
        EXPECT_LE(cache->stats().bytes, budget);
        EXPECT_LE(cache->parked().size(), ParkedDecoders::kMostPerStream);
      }
    }
  }
}

TEST(LayerStream, ReadsAtTheEndAreShort) {
  const Fixture fixture(Compression::gzip, gzip_of(sample_bytes(50'000, 33)));
  const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000'000));
  expect_read(stream, fixture.indexed.plain, 49'990, 100);
  expect_read(stream, fixture.indexed.plain, 50'000, 100);
  expect_read(stream, fixture.indexed.plain, ~std::uint64_t{0}, 100);
  expect_read(stream, fixture.indexed.plain, 10, 0);
}

TEST(LayerStream, AnEmptyStreamReadsAsEmpty) {
  const Fixture fixture(Compression::gzip, gzip_of({}));
  const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000));
  EXPECT_EQ(stream.size(), 0u);
  expect_read(stream, {}, 0, 10);
  EXPECT_EQ(*fixture.opened, 0);
}

TEST(LayerStream, ASequentialReaderDecodesEachByteOnce) {
  for (const Fixture& fixture : fixtures()) {
    const auto cache = std::make_shared<SpanCache>(200'000);
    const auto stream = fixture.stream(cache);
    EXPECT_EQ(*fixture.opened, 0);
    for (std::uint64_t at = 0; at < stream.size(); at += 1'000)
      expect_read(stream, fixture.indexed.plain, at, 1'000);
    EXPECT_EQ(cache->stats().decoded_bytes, stream.size());
    EXPECT_EQ(cache->stats().misses, fixture.indexed.tables->spans.size());
    EXPECT_EQ(*fixture.opened, 1);
    EXPECT_EQ(cache->parked().size(), 0u) << "a decoder at the end is of no use";
  }
}

TEST(LayerStream, SpansDecodedOnTheWayAreKept) {
  const Fixture fixture(Compression::gzip, gzip_of_one_block(sample_bytes(200'000, 34)), 10'000);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  expect_read(stream, fixture.indexed.plain, 95'000, 10);
  EXPECT_EQ(cache->stats().decoded_bytes, 100'000u);
  expect_read(stream, fixture.indexed.plain, 0, 100'000);
  EXPECT_EQ(cache->stats().decoded_bytes, 100'000u);
}

TEST(LayerStream, AStreamTakesItsDecodersWithIt) {
  const Fixture fixture(Compression::gzip, gzip_of(sample_bytes(500'000, 35)));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto uses_before = fixture.blob.use_count();
  {
    const auto stream = fixture.stream(cache);
    expect_read(stream, fixture.indexed.plain, 0, 10);
    EXPECT_EQ(cache->parked().size(), 1u);
  }
  EXPECT_EQ(cache->parked().size(), 0u);
  EXPECT_EQ(fixture.blob.use_count(), uses_before);
}

TEST(LayerStream, StreamsOfOneCacheDoNotMixTheirSpans) {
  const Fixture one(Compression::gzip, gzip_of(sample_bytes(100'000, 36)));
  const Fixture other(Compression::none, sample_bytes(100'000, 37));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = one.stream(cache);
  const auto other_stream = other.stream(cache);
  for (int round = 0; round < 2; ++round) {
    expect_read(stream, one.indexed.plain, 0, 100'000);
    expect_read(other_stream, other.indexed.plain, 0, 100'000);
  }
}

TEST(LayerStream, AFailureToOpenTheBlobIsHandedOnAndNotRemembered) {
  const Fixture fixture(Compression::gzip, gzip_of(sample_bytes(1'000, 38)));
  bool is_there = false;
  const LayerStream stream(
      [&]() -> Result<BlobPtr> {
        if (is_there) return fixture.blob;
        return fail(Errc::not_found, "blob is missing");
      },
      fixture.indexed.index(), std::make_shared<SpanCache>(1'000'000));
  Bytes out(10);
  EXPECT_EQ(stream.read(out, 0).error().code(), Errc::not_found);
  is_there = true;
  expect_read(stream, fixture.indexed.plain, 0, 1'000);
}

// Bit rot after indexing.
TEST(LayerStream, ChangedBlobsGiveErrorsOrTheRightBytes) {
  const std::uint64_t seed = 39;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes plain = sample_bytes(150'000, random());
  std::uint64_t verify_failures = 0;
  for (const auto compression : {Compression::none, Compression::gzip}) {
    const Bytes whole = compression == Compression::none ? plain : gzip_of(plain, {.memory_level = 3});
    Fixture fixture(compression, whole);
    int errors = 0;
    for (int round = 0; round < 100; ++round) {
      Bytes changed = whole;
      if (round % 2 == 0)
        changed[random() % changed.size()] ^= static_cast<std::byte>(1u << random() % 8);
      else
        changed.resize(random() % changed.size());
      fixture.blob = std::make_shared<MemoryBlob>(std::move(changed));
      const auto cache = std::make_shared<SpanCache>(1'000'000);
      const auto stream = fixture.stream(cache);
      Bytes out(4'000);
      for (std::size_t at = 0; at < plain.size(); at += out.size()) {
        const auto got = stream.read(out, at);
        if (got) {
          ASSERT_EQ(*got, std::min(out.size(), plain.size() - at));
          ASSERT_TRUE(std::ranges::equal(ByteView(out).first(*got), ByteView(plain).subspan(at, *got))) << at;
        } else {
          ASSERT_EQ(got.error().code(), Errc::corrupt) << got.error().message();
          ++errors;
        }
      }
      verify_failures += cache->stats().verify_failures;
    }
    EXPECT_GT(errors, 100);
  }
  EXPECT_GT(verify_failures, 50u);
}

TEST(LayerStream, WithoutVerifyingChangedBytesAreServed) {
  const Bytes plain = sample_bytes(50'000, 40);
  Fixture fixture(Compression::none, plain);
  Bytes changed = plain;
  changed[100] ^= std::byte{1};
  fixture.blob = std::make_shared<MemoryBlob>(changed);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  expect_read(fixture.stream(cache, false), changed, 0, 50'000);
  EXPECT_EQ(cache->stats().verify_failures, 0u);
}

TEST(LayerStream, EightThreadsReadAtOnce) {
  for (const Fixture& fixture : fixtures()) {
    const auto cache = std::make_shared<SpanCache>(150'000);
    const auto stream = fixture.stream(cache);
    std::vector<std::jthread> threads;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      threads.emplace_back([&, seed] {
        std::mt19937_64 random(seed);
        for (int round = 0; round < 20; ++round) {
          SCOPED_TRACE("seed " + std::to_string(seed));
          const auto offset =
              seed < 4 ? static_cast<std::uint64_t>(round) * 20'000 : random() % stream.size();
          expect_read(stream, fixture.indexed.plain, offset, 20'000);
        }
      });
    threads.clear();
    EXPECT_LE(cache->stats().bytes, 150'000u);
    EXPECT_LE(cache->parked().size(), ParkedDecoders::kMostPerStream);
  }
}

}  // namespace
}  // namespace layoutfs
