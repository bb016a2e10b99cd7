#include "core/stream/layer_stream.h"

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

#include "core/codec/narrow_source.h"
#include "core/stream/parked_decoders.h"
#include "tests/stream/stream_fixture.h"

namespace layoutfs {
namespace {

using testing::expect_stream_read;
using testing::fixtures;
using testing::gzip_of;
using testing::gzip_of_one_block;
using testing::kSpacing;
using testing::read_in_order;
using testing::sample_bytes;
using testing::StreamFixture;
using testing::WatchedBlob;

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

// Records the end of the farthest read.
class FarthestRead final : public Blob {
 public:
  explicit FarthestRead(BlobPtr blob) : blob_(std::move(blob)) {}
  std::uint64_t size() const noexcept override { return blob_->size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    end = std::max<std::uint64_t>(end, std::min(offset + out.size(), size()));
    return blob_->read_at(out, offset);
  }
  mutable std::atomic<std::uint64_t> end = 0;

 private:
  BlobPtr blob_;
};

// Those of a registry arrive in pieces of 64 KiB.
TEST(LayerStream, ADecodeReadsNoPieceOfTheBlobBehindItsSpans) {
  constexpr std::uint64_t kPiece = NarrowSource::kPiece;
  Bytes plain(1'000'000);  // without order, so that the blob is as large
  std::mt19937 random(50);
  std::ranges::generate(plain, [&] { return static_cast<std::byte>(random()); });
  for (StreamFixture fixture : {StreamFixture(Compression::gzip, gzip_of(plain)),
                                StreamFixture(Compression::zstd, testing::zstd_frames_of(plain, 50'000))}) {
    const StreamIndex index = fixture.indexed.index();
    const auto& points = index.points;
    ASSERT_GT(points.size(), 10u);
    const BlobPtr whole = fixture.blob;
    for (std::size_t i = 0; i + 1 < points.size(); ++i) {
      const auto recorder = std::make_shared<FarthestRead>(whole);
      fixture.blob = recorder;
      const auto stream = fixture.stream(std::make_shared<SpanCache>(1'000'000));
      expect_stream_read(stream, fixture.indexed.plain, points[i].offset, 1);
      EXPECT_LE(recorder->end, (points[i + 1].position / 8 / kPiece + 1) * kPiece) << "point " << i;
    }
  }
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
  std::vector<DecodePermits::Permit> all_but_one;
  for (unsigned i = 1; i < cache->permits().most(); ++i)
    all_but_one.push_back(std::async(std::launch::async, [&] {
                            return cache->permits().acquire(DecodePermits::For::reader, 0, {}).value();
                          }).get());
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
