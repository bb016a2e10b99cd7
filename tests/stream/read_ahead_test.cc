// Decoding ahead of readers.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/worker_pool.h"
#include "core/stream/layer_stream.h"
#include "core/stream/parked_decoders.h"
#include "tests/stream/stream_fixture.h"

namespace layoutfs {
namespace {

using testing::expect_stream_read;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::kSpacing;
using testing::read_in_order;
using testing::sample_bytes;
using testing::StreamFixture;
using testing::wait_for_workers;
using testing::zstd_of;

// A reader may be through a whole stream of a test before the thread that decodes ahead has begun.
void give_way_until_decoded_ahead(const SpanCache& cache) {
  if (cache.stats().ahead_bytes == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(ReadAhead, ASequentialReaderDecodesEachByteOnce) {
  for (const StreamFixture& fixture : testing::fixtures()) {
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
TEST(ReadAhead, ASequentialReaderWithLittleCacheIsNotHeldUpByThoseWhoDecodeAhead) {
  for (const StreamFixture& fixture : testing::fixtures()) {
    const auto cache = std::make_shared<SpanCache>(200'000);
    const auto stream = fixture.stream(cache);
    read_in_order(stream, fixture.indexed.plain, 0, 1'000);
    EXPECT_LT(cache->stats().decoded_bytes, 2 * stream.size());
    EXPECT_LE(cache->stats().bytes, 200'000u);
  }
}

TEST(ReadAhead, ReadersInOrderAtSeveralPlacesAreEachReadAheadOf) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(3'000'000, 41)));
  const auto cache = std::make_shared<SpanCache>(20'000'000);
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

TEST(ReadAhead, NothingIsDecodedAheadOfReadsAtRandom) {
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

TEST(ReadAhead, NoMoreIsDecodedAheadThanTheReaderCameOverNorThanAQuarterOfTheCache) {
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

// Bytes from the position `far` on would have to come from a network.
class FarBlob final : public Blob {
 public:
  explicit FarBlob(BlobPtr blob) : blob_(std::move(blob)) {}
  std::uint64_t size() const noexcept override { return blob_->size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    return blob_->read_at(out, offset);
  }
  bool is_at_hand(std::uint64_t offset, std::uint64_t size) const noexcept override {
    return offset + size <= far;
  }
  std::atomic<std::uint64_t> far = 0;

 private:
  BlobPtr blob_;
};

TEST(ReadAhead, NothingIsFetchedFromANetworkOnlyToDecodeItAhead) {
  StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(3'000'000, 46)));
  const auto blob = std::make_shared<FarBlob>(fixture.blob);
  fixture.blob = blob;
  const auto cache = std::make_shared<SpanCache>(20'000'000);
  const auto stream = fixture.stream(cache);
  for (std::uint64_t at = 0; at < 500'000; at += 5'000) {
    expect_stream_read(stream, fixture.indexed.plain, at, 5'000);
    give_way_until_decoded_ahead(*cache);
  }
  wait_for_workers(*cache);
  EXPECT_EQ(cache->stats().ahead_bytes, 0u);
  blob->far = blob->size() / 2;
  expect_stream_read(stream, fixture.indexed.plain, 500'000, 5'000);
  wait_for_workers(*cache);
  EXPECT_GT(cache->stats().ahead_bytes, 0u) << "bytes that have arrived";
  EXPECT_LT(cache->stats().decoded_bytes, 1'600'000u);
  blob->far = 0;
  const std::uint64_t before = cache->stats().ahead_bytes;
  stream.will_read(2'000'000, 500'000);
  wait_for_workers(*cache);
  EXPECT_GT(cache->stats().ahead_bytes, before + 400'000u) << "announced bytes are needed for certain";
}

TEST(ReadAhead, AheadOfNobodyWhereTheCacheIsTooSmall) {
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

TEST(ReadAhead, WhatFailsAheadIsToldToWhoReadsThereAndNotBefore) {
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

TEST(ReadAhead, ItsEndWaitsForWhoDecodesAhead) {
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

TEST(ReadAhead, AnAnnouncedReaderIsReadAheadOfBeforeItsFirstRead) {
  for (const StreamFixture& fixture : testing::fixtures()) {
    const auto cache = std::make_shared<SpanCache>(10'000'000);
    const auto stream = fixture.stream(cache);
    stream.will_read(100'000, 200'000);
    wait_for_workers(*cache);
    const auto before = cache->stats();
    EXPECT_EQ(before.ahead_bytes, before.decoded_bytes);
    EXPECT_GE(before.unread_bytes, 200'000u);
    expect_stream_read(stream, fixture.indexed.plain, 100'000, 200'000);
    wait_for_workers(*cache);
    EXPECT_EQ(cache->stats().decoded_bytes, cache->stats().ahead_bytes) << "the reader decoded nothing";
  }
}

TEST(ReadAhead, NothingIsDecodedBehindTheAnnouncedEnd) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(2'000'000, 53)));
  const auto cache = std::make_shared<SpanCache>(10'000'000);
  const auto stream = fixture.stream(cache);
  stream.will_read(0, 1'000'000);
  for (std::uint64_t at = 0; at < 1'000'000; at += 50'000)
    expect_stream_read(stream, fixture.indexed.plain, at, 50'000);
  wait_for_workers(*cache);
  const auto decoded = cache->stats().decoded_bytes;
  EXPECT_GE(decoded, 1'000'000u);
  EXPECT_LE(decoded, 2'000'000u) << "it read a million, so as much may be decoded ahead of it";
  const auto other_cache = std::make_shared<SpanCache>(10'000'000);
  const auto other = fixture.stream(other_cache);
  other.will_read(0, 1'000'000);
  wait_for_workers(*other_cache);
  EXPECT_LE(other_cache->stats().decoded_bytes, 1'000'000 + 2 * kSpacing);
}

TEST(ReadAhead, AnAnnouncementBehindTheEndIsIgnored) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(50'000, 54)));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  stream.will_read(50'000, 10);
  stream.will_read(10, 0);
  wait_for_workers(*cache);
  EXPECT_EQ(cache->stats().decoded_bytes, 0u);
  stream.will_read(40'000, ~std::uint64_t{0});
  wait_for_workers(*cache);
  EXPECT_GT(cache->stats().decoded_bytes, 0u);
  expect_stream_read(stream, fixture.indexed.plain, 40'000, 20'000);
}

// A run for each core is wanted, and one that is ready: with fewer, some cores would wait.
TEST(ReadAhead, AsMuchIsDecodedAheadAsKeepsAllCoresBusy) {
  constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
  const SpanCache two(256 * kMebi, 2), eight(256 * kMebi, 8), small(40 * kMebi, 8);
  EXPECT_EQ(two.most_ahead(kMebi), 16 * kMebi);
  EXPECT_EQ(two.most_ahead(8 * kMebi), 24 * kMebi);
  EXPECT_EQ(eight.most_ahead(4 * kMebi), 36 * kMebi);
  EXPECT_EQ(eight.most_ahead(16 * kMebi), 64 * kMebi) << "at most a quarter of the budget";
  EXPECT_EQ(small.most_ahead(8 * kMebi), 10 * kMebi);
}

// Each reader reads its own part in order.
void expect_right_for_sixteen_readers(const StreamFixture& fixture, const std::shared_ptr<SpanCache>& cache) {
  const auto stream = fixture.stream(cache);
  std::vector<std::jthread> readers;
  for (std::uint64_t reader = 0; reader < 16; ++reader)
    readers.emplace_back([&, reader] {
      const std::uint64_t begin = reader % 8 * 300'000;  // two at each place
      if (reader % 3 == 0) stream.will_read(begin, 600'000);
      for (std::uint64_t at = begin; at < begin + 600'000; at += 20'000)
        expect_stream_read(stream, fixture.indexed.plain, at, 20'000);
    });
  readers.clear();
  wait_for_workers(*cache);
}

TEST(ReadAhead, SixteenReadersAndEightDecodersGetTheRightBytes) {
  const StreamFixture fixture(Compression::gzip, gzip_of(sample_bytes(3'000'000, 55)));
  ASSERT_LT(fixture.indexed.index().points.size(), fixture.indexed.index().spans.size());
  expect_right_for_sixteen_readers(fixture, std::make_shared<SpanCache>(20'000'000, 8));
}

// With one span per access point, no decoder has to be parked: few can be, so that the spans before a
// reader's place may be decoded again if more readers than that stop inside of runs.
TEST(ReadAhead, SixteenReadersAndEightDecodersDecodeEachSpanOnce) {
  const Bytes plain = sample_bytes(3'000'000, 55);
  for (const Bytes& blob : {gzip_of(plain), gzip_of(plain, {.flush = Z_FULL_FLUSH, .piece = 3'000})}) {
    const StreamFixture fixture(Compression::gzip, blob, kMaxSpanSize);
    ASSERT_EQ(fixture.indexed.index().points.size(), fixture.indexed.index().spans.size());
    const auto cache = std::make_shared<SpanCache>(20'000'000, 8);
    expect_right_for_sixteen_readers(fixture, cache);
    EXPECT_LE(cache->stats().decoded_bytes, plain.size());
  }
}

TEST(ReadAhead, ASequentialReaderDoesNotDisplaceTheSpansOfOthers) {
  const Bytes plain = sample_bytes(3'000'000, 59);
  const StreamFixture fixture(Compression::gzip, gzip_of(plain));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache), other = fixture.stream(cache);
  expect_stream_read(other, plain, 1'000'000, 100'000);
  read_in_order(stream, plain, 0, 20'000);
  wait_for_workers(*cache);
  const auto misses = cache->stats().misses;
  expect_stream_read(other, plain, 1'000'000, 100'000);
  EXPECT_EQ(cache->stats().misses, misses);
}

TEST(ReadAhead, AWholeStreamIsPassedOnInOrder) {
  for (const StreamFixture& fixture : testing::fixtures()) {
    const auto cache = std::make_shared<SpanCache>(1'000'000, 4);
    const auto stream = fixture.stream(cache);
    Bytes whole;
    ASSERT_TRUE(stream.read_all([&](ByteView piece) {
      whole.insert(whole.end(), piece.begin(), piece.end());
      return Status();
    }));
    EXPECT_TRUE(testing::same_bytes(whole, fixture.indexed.plain));
    std::size_t calls = 0;
    const auto ended = stream.read_all([&](ByteView) { return ++calls, fail(Errc::io, "no more"); });
    EXPECT_EQ(ended.error().message(), "no more");
    EXPECT_EQ(calls, 1u);
  }
}

TEST(ReadAhead, AReaderThatIsStoppedEndsTheDecodingForItAlone) {
  const Bytes plain = sample_bytes(3'000'000, 56);
  const StreamFixture fixture(Compression::gzip, gzip_of(plain));
  const auto cache = std::make_shared<SpanCache>(20'000'000, 4);
  const auto stream = fixture.stream(cache);
  std::stop_source stop;
  std::jthread other([&] {
    for (std::uint64_t at = 0; at < plain.size(); at += 20'000) expect_stream_read(stream, plain, at, 20'000);
  });
  Bytes out(20'000);
  std::uint64_t at = 1'000'000;
  for (; at < 1'500'000; at += out.size()) {
    if (at >= 1'200'000) stop.request_stop();
    if (!stream.read(out, at, {.stop = stop.get_token(), .deadline = {}})) break;
  }
  EXPECT_EQ(at, 1'200'000u);
  other.join();
  EXPECT_LE(cache->stats().decoded_bytes, plain.size());
}

}  // namespace
}  // namespace layoutfs
