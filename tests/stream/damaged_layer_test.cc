// Layers that were damaged after they were indexed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/stream/layer_stream.h"
#include "tests/stream/stream_fixture.h"

namespace layoutfs {
namespace {

using ::testing::AnyOf;
using testing::expect_stream_read;
using testing::gzip_of;
using testing::MemoryBlob;
using testing::same_bytes;
using testing::sample_bytes;
using testing::StreamFixture;
using testing::zstd_of;

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

TEST(DamagedLayer, DamagedBlobsGiveErrorsOrTheRightBytes) {
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

TEST(DamagedLayer, ASpanThatDiffersFromItsDigestIsCounted) {
  Bytes changed = sample_bytes(50'000, 49);
  StreamFixture fixture(Compression::none, changed);
  changed[100] ^= std::byte{1};
  fixture.blob = std::make_shared<MemoryBlob>(changed);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  Bytes out(10);
  EXPECT_EQ(fixture.stream(cache).read(out, 200).error().code(), Errc::corrupt);
  EXPECT_EQ(cache->stats().verify_failures, 1u);
}

TEST(DamagedLayer, WithoutVerifyingChangedBytesAreServed) {
  const Bytes plain = sample_bytes(50'000, 40);
  StreamFixture fixture(Compression::none, plain);
  Bytes changed = plain;
  changed[100] ^= std::byte{1};
  fixture.blob = std::make_shared<MemoryBlob>(changed);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  expect_stream_read(fixture.stream(cache, false), changed, 0, 50'000);
  EXPECT_EQ(cache->stats().verify_failures, 0u);
}

// A blob whose runs have several spans, with one changed byte that only one span contains.
struct DamagedFixture : StreamFixture {
  explicit DamagedFixture(std::uint64_t damaged_at)
      : StreamFixture(Compression::gzip, testing::gzip_of_one_block(plain), 10'000) {
    Bytes changed = plain;
    changed[damaged_at] ^= std::byte{1};
    blob = std::make_shared<MemoryBlob>(testing::gzip_of_one_block(changed));
  }
  static inline const Bytes plain = sample_bytes(100'000, 57);
};

TEST(DamagedLayer, SpansAfterADamagedOneAreRead) {
  const DamagedFixture fixture(25'000);
  ASSERT_EQ(fixture.indexed.tables->points.size(), 1u);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  Bytes out(100);
  ::testing::internal::CaptureStderr();
  expect_stream_read(stream, fixture.plain, 15'000, 100);
  EXPECT_EQ(stream.read(out, 25'000).error().code(), Errc::corrupt);
  expect_stream_read(stream, fixture.plain, 35'000, 100);
  expect_stream_read(stream, fixture.plain, 90'000, 10'000);
  const auto log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, ::testing::HasSubstr("stream bytes 20000 to 30000: decoded bytes differ from the index"));
}

TEST(DamagedLayer, ADamagedSpanIsDecodedOnceForAllItsPages) {
  const DamagedFixture fixture(25'000);
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  Bytes out(1'000);
  ::testing::internal::CaptureStderr();
  for (std::uint64_t at = 20'000; at < 30'000; at += out.size())
    EXPECT_EQ(stream.read(out, at).error().code(), Errc::corrupt);
  testing::wait_for_workers(*cache);
  const auto stats = cache->stats();
  EXPECT_EQ(stats.decoded_bytes - stats.ahead_bytes, 30'000u) << "by the reader";
  EXPECT_EQ(stats.verify_failures, 1u);
  const auto log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST(DamagedLayer, ErrorsAreNotLoggedIfTheCallerReportsThem) {
  const DamagedFixture fixture(25'000);
  const LayerStream stream([&] { return Result<BlobPtr>(fixture.blob); }, fixture.indexed.index(),
                           std::make_shared<SpanCache>(1'000'000), true, {}, LayerStream::Failures::returned);
  ::testing::internal::CaptureStderr();
  const auto read = stream.read_all([](ByteView) { return Status(); });
  EXPECT_EQ(read.error().code(), Errc::corrupt);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(DamagedLayer, ARunThatCannotBeDecodedFurtherIsNotTriedAgain) {
  const Bytes plain = sample_bytes(100'000, 58);
  Bytes blob = testing::gzip_of_one_block(plain);
  StreamFixture fixture(Compression::gzip, blob, 10'000);
  blob.resize(blob.size() / 2);
  fixture.blob = std::make_shared<MemoryBlob>(std::move(blob));
  const auto cache = std::make_shared<SpanCache>(1'000'000);
  const auto stream = fixture.stream(cache);
  Bytes out(1'000);
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(stream.read(out, 95'000).error().code(), Errc::corrupt);
  const std::uint64_t decoded = cache->stats().decoded_bytes;
  for (const std::uint64_t at : {90'000u, 95'000u, 99'000u})
    EXPECT_EQ(stream.read(out, at).error().code(), Errc::corrupt);
  EXPECT_EQ(cache->stats().decoded_bytes, decoded);
  expect_stream_read(stream, plain, 10'000, 1'000);
  const auto log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

}  // namespace
}  // namespace layoutfs
