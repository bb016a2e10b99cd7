// Windows of which few bytes are stored.
#include "core/codec/sparse_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using testing::bytes_of;

TEST(SparseBytes, RunsThatAreWrittenAreReadBack) {
  const std::uint64_t seed = 71;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    Bytes window(1 + random() % 100'000);
    RunWriter runs;
    for (std::size_t at = random() % 300; at < window.size(); at += random() % 20'000) {
      const std::size_t size = std::min<std::size_t>(1 + random() % 500, window.size() - at);
      const auto run = std::span(window).subspan(at, size);
      for (std::byte& byte : run) byte = static_cast<std::byte>(random());
      runs.add(at, run);
      at += size;
    }
    Bytes packed;
    runs.finish(packed);
    Bytes back(window.size());
    ASSERT_TRUE(copy_runs(packed, runs.runs(), back));
    EXPECT_TRUE(back == window) << "round " << round;
    clear_runs(packed, runs.runs(), back);
    EXPECT_TRUE(back == Bytes(window.size())) << "round " << round;
    EXPECT_FALSE(copy_runs(packed, runs.runs() + 1, back));
    packed.push_back(std::byte{0});
    EXPECT_FALSE(copy_runs(packed, runs.runs(), back));
  }
}

TEST(SparseBytes, RunsThatDoNotFitAreRefused) {
  const Bytes packed = bytes_of({3, 1, 'a', 'b'});  // two bytes after a gap of three
  Bytes window(5);
  EXPECT_TRUE(copy_runs(packed, 1, window));
  EXPECT_TRUE(window == bytes_of({0, 0, 0, 'a', 'b'}));
  Bytes small(4), none;
  EXPECT_FALSE(copy_runs(packed, 1, small));
  EXPECT_FALSE(copy_runs(packed, 1, none));
  EXPECT_FALSE(copy_runs(ByteView(packed).first(3), 1, window));
  EXPECT_FALSE(copy_runs(ByteView(packed).first(1), 1, window));
  EXPECT_FALSE(copy_runs(bytes_of({0xff, 0xff, 0xff, 0xff, 0, 0, 'a'}), 1, window));
  EXPECT_FALSE(copy_runs(bytes_of({0x80}), 1, window));
  EXPECT_TRUE(copy_runs({}, 0, none));
}

}  // namespace
}  // namespace layoutfs
