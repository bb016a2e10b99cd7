#include "core/stream/layer_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/worker_pool.h"
#include "core/codec/gzip.h"
#include "core/stream/parked_decoders.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/same_bytes.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using ::testing::AnyOf;
using testing::gzip_members_of;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::index_stream;
using testing::IndexedStream;
using testing::MemoryBlob;
using testing::same_bytes;
using testing::sample_bytes;
using testing::zstd_of;

constexpr std::uint64_t kSpacing = 16 << 10;

// Uses zlib for gzip, because it finds points at any distance.
IndexedStream indexed_stream(Compression compression, const Bytes& content, std::uint64_t max_span) {
  testing::PiecewiseSource source(content);
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

std::vector<StreamFixture> fixtures() {
  const Bytes plain = sample_bytes(700'000, 31);
  std::vector<StreamFixture> all;
  all.emplace_back(Compression::none, plain);
  all.emplace_back(Compression::none, plain, 5'000);
  all.emplace_back(Compression::gzip, gzip_of(plain));
  all.emplace_back(Compression::gzip, gzip_of(plain, {.flush = Z_FULL_FLUSH, .piece = 3'000}), 5'000);
  all.emplace_back(Compression::gzip, gzip_members_of(plain, 512));
  all.emplace_back(Compression::gzip, gzip_of_one_block(plain));
  all.emplace_back(Compression::zstd, zstd_of(plain, {.window_log = 14}), 20'000);
  all.emplace_back(Compression::zstd, testing::zstd_frames_of(plain, 50'000));
  return all;
}

// Checks that a read returns the plain bytes, and as many as there are.
void expect_stream_read(const LayerStream& stream, const Bytes& plain, std::uint64_t offset,
                        std::size_t size) {
  Bytes out(size);
  const auto got = stream.read(out, offset);
  ASSERT_TRUE(got) << got.error().message();
  const auto expected = ByteView(plain).subspan(std::min<std::size_t>(offset, plain.size()));
  ASSERT_EQ(*got, std::min(size, expected.size())) << "at " << offset;
  EXPECT_TRUE(same_bytes(ByteView(out).first(*got), expected.first(*got))) << size << " bytes at " << offset;
}

TEST(LayerStream, RandomReadsGiveThePlainBytes) {
  for (const StreamFixture& fixture : fixtures()) {
    for (const std::uint64_t budget : {std::uint64_t{0}, std::uint64_t{100'000}, std::uint64_t{10'000'000}}) {
      const std::uint64_t seed = 32 + budget;
      SCOPED_TRACE("seed " + std::to_string(seed));
      std::mt19937_64 random(seed);
      const auto cache = std::make_shared<SpanCache>(budget);
      const auto stream = fixture.stream(cache);
      EXPECT_EQ(stream.size(), fixture.indexed.plain.size());
      for (int round = 0; round < 60; ++round) {
        const auto offset = random() % (stream.size() + 1'000);
        expect_stream_read(stream, fixture.indexed.plain, offset,
                           random() % (round % 10 == 0 ? 200'000 : 5'000));
        EXPECT_LE(cache->stats().bytes, budget);
        EXPECT_LE(cache->parked().size(), ParkedDecoders::kMostPerStream);
      }
    }
  }
}

TEST(LayerStream, OfAPlainStreamOnlyTheSpanThatIsReadIsDecoded) {
  const StreamFixture fixture(Compression::none, sample_bytes(100'000, 49), 4'000);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  expect_stream_read(stream, fixture.indexed.plain, 2 * kSpacing - 10,
                     1);  // the last of the spans of its point
  EXPECT_LE(cache->stats().decoded_bytes, 4'000U);
}

TEST(LayerStream, ReadsAtTheEndAreShort) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(50'000, 33)));
  const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000'000));
  expect_stream_read(stream, fixture.indexed.plain, 49'990, 100);
  expect_stream_read(stream, fixture.indexed.plain, 50'000, 100);
  expect_stream_read(stream, fixture.indexed.plain, ~std::uint64_t{0}, 100);
  expect_stream_read(stream, fixture.indexed.plain, 10, 0);
}

TEST(LayerStream, AnEmptyStreamReadsAsEmpty) {
  const StreamFixture fixture(Compression::gzip, gzip_of({}));
  const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000));
  EXPECT_EQ(stream.size(), 0u);
  expect_stream_read(stream, {}, 0, 10);
  EXPECT_EQ(*fixture.opened, 0);
}

// Reads all of `stream` in order, starting at `begin`, and checks it.
void read_in_order(const LayerStream& stream, const Bytes& plain, std::uint64_t begin, std::size_t step) {
  for (std::uint64_t at = begin; at < plain.size(); at += step) expect_stream_read(stream, plain, at, step);
}

// Until no thread decodes ahead any more.
void wait_for_workers(SpanCache& cache) {
  for (std::uint64_t before = ~std::uint64_t{0}; before != cache.stats().decoded_bytes;) {
    before = cache.stats().decoded_bytes;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// A reader may be through a whole stream of a test before the thread that decodes ahead has begun.
void give_way_until_decoded_ahead(const SpanCache& cache) {
  if (cache.stats().ahead_bytes == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(LayerStream, ASequentialReaderDecodesEachByteOnce) {
  for (const StreamFixture& fixture : fixtures()) {
    const auto cache = std::make_shared<SpanCache>(10'000'000);
    const auto stream = fixture.stream(cache);
    EXPECT_EQ(*fixture.opened, 0);
    for (std::uint64_t at = 0; at < fixture.indexed.plain.size(); at += 1'000) {
      expect_stream_read(stream, fixture.indexed.plain, at, 1'000);
      give_way_until_decoded_ahead(*cache);
    }
    EXPECT_EQ(cache->stats().decoded_bytes, stream.size());
    EXPECT_GT(cache->stats().ahead_bytes, 0u);
    EXPECT_EQ(cache->stats().unread_bytes, 0u);
    EXPECT_LE(cache->parked().size(), ParkedDecoders::kMostPerStream);
  }
}

// It is faster than threads that decode small spans ahead, and its spans are soon evicted.
TEST(LayerStream, ASequentialReaderWithLittleCacheIsNotHeldUpByThoseWhoDecodeAhead) {
  for (const StreamFixture& fixture : fixtures()) {
    const auto cache = std::make_shared<SpanCache>(200'000);
    const auto stream = fixture.stream(cache);
    read_in_order(stream, fixture.indexed.plain, 0, 1'000);
    EXPECT_LT(cache->stats().decoded_bytes, 2 * stream.size());
    EXPECT_LE(cache->stats().bytes, 200'000u);
  }
}

TEST(LayerStream, ReadersInOrderAtSeveralPlacesAreEachReadAheadOf) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(3'000'000, 41)));
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  const auto stream = fixture.stream(cache);
  constexpr std::uint64_t kReaders = 4, kPart = 750'000;
  for (std::uint64_t at = 0; at < kPart; at += 5'000)
    for (std::uint64_t reader = 0; reader < kReaders; ++reader) {
      expect_stream_read(stream, fixture.indexed.plain, reader * kPart + at, 5'000);
      give_way_until_decoded_ahead(*cache);
    }
  EXPECT_EQ(cache->stats().decoded_bytes, stream.size());
  EXPECT_GT(cache->stats().ahead_bytes, 0u);
}

TEST(LayerStream, NothingIsDecodedAheadOfReadsAtRandom) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(8'000'000, 42)));
  const auto cache = std::make_shared<SpanCache>(2'000'000);
  const auto stream = fixture.stream(cache);
  const std::uint64_t seed = 43;
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_stream_read(stream, fixture.indexed.plain, random() % stream.size(), 2'000);
  }
  EXPECT_EQ(cache->stats().ahead_bytes, 0u);
  EXPECT_EQ(cache->workers().thread_count(), 0u);
}

TEST(LayerStream, NoMoreIsDecodedAheadThanTheReaderCameOverNorThanAQuarterOfTheCache) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(3'000'000, 44)));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  for (std::uint64_t at = 0; at < 1'000'000; at += 50'000) {
    expect_stream_read(stream, fixture.indexed.plain, at, 50'000);
    wait_for_workers(*cache);
    const std::uint64_t read = at + 50'000;
    EXPECT_LE(cache->stats().decoded_bytes, read + std::min<std::uint64_t>(read, 250'000) + 2 * kSpacing)
        << at;
    EXPECT_LE(cache->stats().unread_bytes, 250'000u);
  }
  EXPECT_GT(cache->stats().unread_bytes, 150'000u);
}

TEST(LayerStream, AheadOfNobodyWhereTheCacheIsTooSmall) {
  const StreamFixture fixture(Compression::none, sample_bytes(30 * kSpacing, 45));
  for (const std::uint64_t budget : {std::uint64_t{0}, kSpacing, 4 * kSpacing - 1}) {
    const auto cache = std::make_shared<SpanCache>(budget);
    const auto stream = fixture.stream(cache);
    read_in_order(stream, fixture.indexed.plain, 0, kSpacing);
    EXPECT_EQ(cache->stats().ahead_bytes, 0u);
  }
}

// Its first `good` bytes are readable, the others are not. Counts the attempts.
class BrokenBlob final : public Blob {
 public:
  BrokenBlob(std::shared_ptr<const Blob> blob, std::uint64_t good) : blob_(std::move(blob)), good_(good) {}
  std::uint64_t size() const noexcept override { return blob_->size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset + out.size() <= good_) return blob_->read_at(out, offset);
    ++failures;
    return fail(Errc::io, "the disk is broken");
  }
  mutable std::atomic<int> failures = 0;

 private:
  std::shared_ptr<const Blob> blob_;
  std::uint64_t good_;
};

TEST(LayerStream, WhatFailsAheadIsToldToWhoReadsThereAndNotBefore) {
  const Bytes plain = sample_bytes(1'000'000, 46);
  StreamFixture fixture(Compression::none, plain);
  const auto broken = std::make_shared<BrokenBlob>(fixture.blob, 600'000);
  fixture.blob = broken;
  const auto cache = std::make_shared<SpanCache>(4'000'000);
  const auto stream = fixture.stream(cache);
  ::testing::internal::CaptureStderr();
  for (std::uint64_t at = 0; at < 500'000; at += 20'000) expect_stream_read(stream, plain, at, 20'000);
  wait_for_workers(*cache);
  EXPECT_GT(broken->failures, 0);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  Bytes out(10);
  const int failures = broken->failures;
  EXPECT_EQ(stream.read(out, 700'000).error().code(), Errc::io);
  EXPECT_GT(broken->failures, failures) << "the reader tried itself";
  const auto log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("cannot read a layer"), std::string::npos) << log;
  EXPECT_NE(log.find("the disk is broken"), std::string::npos) << log;
}

TEST(LayerStream, ItsEndWaitsForWhoDecodesAhead) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(1'000'000, 47)));
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  const auto uses_before = fixture.blob.use_count();
  for (int round = 0; round < 20; ++round) {
    const auto stream = fixture.stream(cache);
    for (std::uint64_t at = 0; at < 300'000; at += 50'000)
      expect_stream_read(stream, fixture.indexed.plain, at, 50'000);
  }
  EXPECT_EQ(fixture.blob.use_count(), uses_before);
  EXPECT_TRUE(cache->room_ahead(5'000'000 - cache->stats().unread_bytes))
      << "dropped wishes gave their room back";
  EXPECT_EQ(cache->parked().size(), 0u);
}

TEST(LayerStream, ManyReadersTogetherDecodeEachByteOnceWhereTheCacheHoldsAll) {
  const Bytes plain = sample_bytes(2'000'000, 48);
  for (const Bytes& blob :
       {gzip_of(plain, {.flush = Z_FULL_FLUSH, .piece = 3'000}), gzip_of_one_block(plain)}) {
    const StreamFixture fixture(Compression::gzip, blob);
    const auto cache = std::make_shared<SpanCache>(10'000'000);
    const auto stream = fixture.stream(cache);
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t seed = 0; seed < 16; ++seed)
        threads.emplace_back([&, seed] {
          SCOPED_TRACE("seed " + std::to_string(seed));
          std::mt19937_64 random(seed);
          if (seed < 2) return read_in_order(stream, plain, seed * 500'000, 10'000);
          for (int i = 0; i < 100; ++i) expect_stream_read(stream, plain, random() % plain.size(), 3'000);
        });
    }
    EXPECT_EQ(cache->stats().decoded_bytes, plain.size());
  }
}

TEST(LayerStream, SpansDecodedOnTheWayAreKept) {
  const StreamFixture fixture(Compression::gzip, gzip_of_one_block(sample_bytes(200'000, 34)), 10'000);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  expect_stream_read(stream, fixture.indexed.plain, 95'000, 10);
  EXPECT_EQ(cache->stats().decoded_bytes, 100'000u);
  expect_stream_read(stream, fixture.indexed.plain, 0, 100'000);
  EXPECT_EQ(cache->stats().decoded_bytes, 100'000u);
}

TEST(LayerStream, AStreamTakesItsDecodersWithIt) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(500'000, 35)));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto uses_before = fixture.blob.use_count();
  {
    const auto stream = fixture.stream(cache);
    expect_stream_read(stream, fixture.indexed.plain, 0, 10);
    EXPECT_EQ(cache->parked().size(), 1u);
  }
  EXPECT_EQ(cache->parked().size(), 0u);
  EXPECT_EQ(fixture.blob.use_count(), uses_before);
}

TEST(LayerStream, StreamsOfOneCacheDoNotMixTheirSpans) {
  const StreamFixture one(Compression::gzip, gzip_of(sample_bytes(100'000, 36)));
  const StreamFixture other(Compression::none, sample_bytes(100'000, 37));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = one.stream(cache);
  const auto other_stream = other.stream(cache);
  for (int round = 0; round < 2; ++round) {
    expect_stream_read(stream, one.indexed.plain, 0, 100'000);
    expect_stream_read(other_stream, other.indexed.plain, 0, 100'000);
  }
}

TEST(LayerStream, AFailureToOpenTheBlobIsHandedOnAndNotRemembered) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(1'000, 38)));
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
  expect_stream_read(stream, fixture.indexed.plain, 0, 1'000);
}

// Reads all of `stream` and expects the plain bytes or errors of the content; how many reads failed.
int errors_of_reading(const LayerStream& stream, const Bytes& plain) {
  int errors = 0;
  Bytes out(4'000);
  for (std::size_t at = 0; at < plain.size(); at += out.size()) {
    const auto got = stream.read(out, at);
    if (!got) {
      EXPECT_THAT(got.error().code(), AnyOf(Errc::corrupt, Errc::unsupported)) << got.error().message();
      ++errors;
      continue;
    }
    EXPECT_EQ(*got, std::min(out.size(), plain.size() - at));
    EXPECT_TRUE(same_bytes(ByteView(out).first(*got), ByteView(plain).subspan(at, *got))) << at;
  }
  return errors;
}

// Bit rot after indexing: the changes of `damage` in the blob must give errors, with a log line, or the right
// bytes, never wrong ones. Returns the number of rounds with errors.
int rounds_with_errors(StreamFixture& fixture, const Bytes& whole, int rounds,
                       const std::function<void(Bytes&)>& damage) {
  int count = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Bytes damaged = whole;
    damage(damaged);
    fixture.blob = std::make_shared<MemoryBlob>(std::move(damaged));
    ::testing::internal::CaptureStderr();
    const int errors =
        errors_of_reading(fixture.stream(std::make_shared<SpanCache>(1'000'000)), fixture.indexed.plain);
    const auto log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(errors > 0, log.find("cannot read a layer: ") != std::string::npos) << log;
    if (errors > 0) ++count;
  }
  return count;
}

TEST(LayerStream, DamagedBlobsGiveErrorsOrTheRightBytes) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Bytes plain = sample_bytes(150'000, random());
  const std::vector<std::pair<Compression, Bytes>> blobs{
      {Compression::none, plain},
      {Compression::gzip, gzip_of(plain, {.memory_level = 3})},
      {Compression::zstd, zstd_of(plain, {.window_log = 12, .has_checksum = true})},
      {Compression::zstd, testing::zstd_frames_of(plain, 20'000)}};
  for (const auto& [compression, whole] : blobs) {
    SCOPED_TRACE(name_of(compression));
    StreamFixture fixture(compression, whole);
    ASSERT_GT(fixture.indexed.tables->points.size(), 3u);
    const auto flip_a_bit = [&](Bytes& blob) {
      blob[random() % blob.size()] ^= static_cast<std::byte>(1U << random() % 8);
    };
    EXPECT_GT(rounds_with_errors(fixture, whole, 200, flip_a_bit), 150);
    const auto truncate = [&](Bytes& blob) { blob.resize(random() % (blob.size() - 100)); };
    EXPECT_EQ(rounds_with_errors(fixture, whole, 30, truncate), 30);
  }
}

TEST(LayerStream, ASpanThatDiffersFromItsDigestIsCounted) {
  Bytes changed = sample_bytes(50'000, 49);
  StreamFixture fixture(Compression::none, changed);
  changed[100] ^= std::byte{1};
  fixture.blob = std::make_shared<MemoryBlob>(changed);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  Bytes out(10);
  EXPECT_EQ(fixture.stream(cache).read(out, 200).error().code(), Errc::corrupt);
  EXPECT_EQ(cache->stats().verify_failures, 1u);
}

TEST(LayerStream, WithoutVerifyingChangedBytesAreServed) {
  const Bytes plain = sample_bytes(50'000, 40);
  StreamFixture fixture(Compression::none, plain);
  Bytes changed = plain;
  changed[100] ^= std::byte{1};
  fixture.blob = std::make_shared<MemoryBlob>(changed);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  expect_stream_read(fixture.stream(cache, false), changed, 0, 50'000);
  EXPECT_EQ(cache->stats().verify_failures, 0u);
}

TEST(LayerStream, EightThreadsReadAtOnce) {
  for (const StreamFixture& fixture : fixtures()) {
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
          expect_stream_read(stream, fixture.indexed.plain, offset, 20'000);
        }
      });
    threads.clear();
    EXPECT_LE(cache->stats().bytes, 150'000u);
    EXPECT_LE(cache->parked().size(), ParkedDecoders::kMostPerStream);
  }
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

TEST(LayerStream, AReaderThatWaitsForAnotherCanBeStopped) {
  StreamFixture fixture(Compression::gzip, gzip_of_one_block(sample_bytes(200'000, 50)), 10'000);
  std::latch is_read(1), end(1);
  std::once_flag once;
  fixture.blob = std::make_shared<WatchedBlob>(fixture.blob, [&] {
    std::call_once(once, [&] {
      is_read.count_down();
      end.wait();
    });
  });
  const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000'000));
  const auto read = [&](std::uint64_t offset, const Context& context) {
    return std::async(std::launch::async, [&, offset, context] {
      Bytes out(100);
      const auto got = stream.read(out, offset, context);
      return got ? Status() : fail(Error(got.error()));
    });
  };
  auto decoding = read(150'000, {});
  is_read.wait();
  std::stop_source stop;
  auto same_span = read(150'000, {.stop = stop.get_token(), .deadline = {}});
  auto behind = read(190'000, {.stop = stop.get_token(), .deadline = {}});
  EXPECT_EQ(same_span.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout) << "it waits";
  EXPECT_EQ(behind.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout) << "it waits";
  stop.request_stop();
  EXPECT_EQ(same_span.get().error().code(), Errc::cancelled);
  EXPECT_EQ(behind.get().error().code(), Errc::cancelled);
  EXPECT_EQ(decoding.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  end.count_down();
  EXPECT_TRUE(decoding.get());
  expect_stream_read(stream, fixture.indexed.plain, 0, 200'000);
}

TEST(LayerStream, AReaderThatIsStoppedWhileItDecodesLeavesItsDecoderToOthers) {
  StreamFixture fixture(Compression::gzip, gzip_of_one_block(sample_bytes(1'000'000, 51)), 10'000);
  std::stop_source stop;
  std::atomic<int> reads = 0;
  fixture.blob = std::make_shared<WatchedBlob>(fixture.blob, [&] {
    if (++reads == 2) stop.request_stop();
  });
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  const auto stream = fixture.stream(cache);
  Bytes out(100);
  ::testing::internal::CaptureStderr();
  const auto stopped = stream.read(out, 900'000, {.stop = stop.get_token(), .deadline = {}});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "it is no failure of the layer";
  EXPECT_EQ(stopped.error().code(), Errc::cancelled);
  const std::uint64_t decoded = cache->stats().decoded_bytes;
  EXPECT_GT(decoded, 0u);
  EXPECT_LT(decoded, 900'000u);
  EXPECT_EQ(cache->parked().size(), 1u);
  expect_stream_read(stream, fixture.indexed.plain, 0, 1'000'000);
  EXPECT_EQ(cache->stats().decoded_bytes, 1'000'000u) << "each byte once";
}

// Opening a blob of a mount of several layouts may wait for a thread that decodes.
TEST(LayerStream, NoPermitIsHeldWhileABlobIsOpened) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(300'000, 52)));
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  const auto other = fixture.stream(cache);
  std::vector<SpanCache::Permit> all_but_one;
  for (unsigned i = 1; i < std::max(1U, std::thread::hardware_concurrency()); ++i)
    all_but_one.push_back(
        std::async(std::launch::async, [&] { return SpanCache::Permit::acquire(*cache, {}).value(); }).get());
  const LayerStream stream(
      [&]() -> Result<BlobPtr> {
        auto reader =
            std::async(std::launch::async, [&] { expect_stream_read(other, fixture.indexed.plain, 0, 10); });
        if (reader.wait_for(std::chrono::seconds(60)) == std::future_status::timeout) {
          std::fputs("the other reader waits for the permit of this one, which waits for it\n", stderr);
          std::quick_exit(1);  // neither thread can be ended
        }
        return fixture.blob;
      },
      fixture.indexed.index(), cache);
  expect_stream_read(stream, fixture.indexed.plain, 200'000, 10);
}

}  // namespace
}  // namespace layoutfs
