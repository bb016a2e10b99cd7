// Layers with a blob that delivers wrong bytes at first, as a network may: readers get the right ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/stream/layer_stream.h"
#include "tests/stream/stream_fixture.h"
#include "tests/support/wrong_blob.h"

namespace layoutfs::testing {
namespace {

using ::testing::AnyOf;

// Fixtures that verify every byte of their spans.
std::vector<std::pair<Compression, Bytes>> blobs() {
  const Bytes plain = sample_bytes(300'000, 71);
  return {{Compression::none, plain},
          {Compression::gzip, gzip_of(plain, {.memory_level = 3})},
          {Compression::gzip, gzip_members_of(plain, 512)},
          {Compression::zstd, zstd_of(plain, {.window_log = 12, .has_checksum = true})},
          {Compression::zstd, zstd_frames_of(plain, 20'000)}};
}

std::shared_ptr<SpanCache> small_cache() { return std::make_shared<SpanCache>(1'000'000); }

TEST(WrongBytes, AreReadAgainUntilTheyAreRight) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const auto& [compression, whole] : blobs()) {
    StreamFixture fixture(compression, whole);
    int reports = 0;
    for (int round = 0; round < 60; ++round) {
      const std::uint64_t wrong_at = random() % whole.size();
      const int times = 1 + round % Blob::kMostRereads;
      SCOPED_TRACE(std::string(name_of(compression)) + ", byte " + std::to_string(wrong_at));
      const auto blob = std::make_shared<WrongBlob>(whole, wrong_at, times);
      fixture.blob = blob;
      ::testing::internal::CaptureStderr();
      read_in_order(fixture.stream(small_cache()), fixture.indexed.plain, 0, 4'000);
      EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
      reports += blob->reports() > 0 ? 1 : 0;
      EXPECT_EQ(blob->reports(), blob->is_right() ? times : 0) << "a report names the byte";
    }
    EXPECT_GT(reports, 40) << name_of(compression) << ": most bytes matter";
  }
}

TEST(WrongBytes, ThatStayWrongGiveAnErrorAndFewReports) {
  for (const auto& [compression, whole] : blobs()) {
    SCOPED_TRACE(name_of(compression));
    StreamFixture fixture(compression, whole);
    const auto blob = std::make_shared<WrongBlob>(whole, whole.size() / 2, WrongBlob::kForEver);
    fixture.blob = blob;
    const auto stream = fixture.stream(small_cache());
    int errors = 0;
    Bytes out(4'000);
    ::testing::internal::CaptureStderr();
    for (int round = 0; round < 3; ++round)
      for (std::uint64_t at = 0; at < stream.size(); at += out.size()) {
        const auto got = stream.read(out, at);
        if (got) continue;
        ++errors;
        EXPECT_THAT(got.error().code(), AnyOf(Errc::corrupt, Errc::unsupported));
      }
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("cannot read a layer: "), std::string::npos);
    EXPECT_GT(errors, 0);
    EXPECT_GE(blob->reports(), Blob::kMostRereads);
    EXPECT_LE(blob->reports(), Blob::kMostRereads * 10) << "for each damaged span, not for each read";
  }
}

TEST(WrongBytes, ReadersOfOneRunAllGetTheRightBytes) {
  for (const auto& [compression, whole] : blobs())
    for (std::size_t round = 0; round < 20; ++round) {
      SCOPED_TRACE(name_of(compression));
      StreamFixture fixture(compression, whole, 3'000);
      const auto stream = [&] {
        fixture.blob = std::make_shared<WrongBlob>(whole, whole.size() / 3 + round * 1'000, 2);
        return fixture.stream(small_cache());
      }();
      std::vector<std::jthread> readers;
      for (std::uint64_t begin = 0; begin < 4; ++begin)
        readers.emplace_back([&, begin] {
          read_in_order(stream, fixture.indexed.plain, begin * 10'000, begin % 2 == 0 ? 4'000 : 30'000);
        });
    }
}

TEST(WrongBytes, OfALocalBlobAreReadOnce) {
  Bytes changed = sample_bytes(50'000, 72);
  StreamFixture fixture(Compression::none, changed);
  changed[100] ^= std::byte{1};
  auto reads = std::make_shared<std::atomic<int>>(0);
  fixture.blob = std::make_shared<WatchedBlob>(std::make_shared<MemoryBlob>(changed), [reads] { ++*reads; });
  Bytes out(10);
  EXPECT_EQ(fixture.stream(small_cache()).read(out, 200).error().code(), Errc::corrupt);
  EXPECT_EQ(*reads, 1);
}

}  // namespace
}  // namespace layoutfs::testing
