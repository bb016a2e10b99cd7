// Blobs of registries that send wrong bytes, or the whole blob instead of a range.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/range_cache.h"
#include "core/remote/range_chunks.h"
#include "core/remote/wrong_ranges.h"
#include "tests/support/eventually.h"
#include "tests/support/results.h"
#include "tests/support/same_bytes.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

constexpr std::uint64_t kFaultyMebi = std::uint64_t{1} << 20;

Bytes faulty_content() {
  std::mt19937_64 random(5);
  Bytes bytes(4 * kFaultyMebi + 1'000);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

class FaultySource final : public RangeSource {
 public:
  const Bytes content = faulty_content();
  std::uint64_t wrong_at = ~std::uint64_t{0};
  int wrong_times = 0;  // that the byte is delivered
  std::atomic<bool> sends_all = false;
  std::uint64_t earlier = 0;  // bytes before the range that are sent, too

  Result<OpenedRange> open(std::uint64_t offset, std::uint64_t size, const Context&) const override {
    std::uint64_t end = offset + size;
    offset -= std::min(offset, earlier);
    if (sends_all) {
      offset = 0;
      end = content.size();
    }
    opened_.lock()->emplace_back(offset, end);
    return OpenedRange{offset, end - offset, std::make_unique<Body>(*this, offset, end)};
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> opened() const { return *opened_.lock(); }
  int wrong_left() const { return wrong_times - *wrong_.lock(); }

 private:
  class Body final : public ByteSource {
   public:
    Body(const FaultySource& source, std::uint64_t offset, std::uint64_t end)
        : source_(source), offset_(offset), end_(end) {}
    Result<std::size_t> read(std::span<std::byte> out) override {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>({out.size(), end_ - offset_, 10'000}));
      copy_bytes(ByteView(source_.content).subspan(offset_, size), out.first(size));
      if (offset_ <= source_.wrong_at && source_.wrong_at - offset_ < size)
        if (auto wrong = source_.wrong_.lock(); *wrong < source_.wrong_times) {
          ++*wrong;
          out[source_.wrong_at - offset_] ^= std::byte{0x55};
        }
      offset_ += size;
      return size;
    }

   private:
    const FaultySource& source_;
    std::uint64_t offset_;
    const std::uint64_t end_;
  };

  mutable Guarded<int> wrong_;
  mutable Guarded<std::vector<std::pair<std::uint64_t, std::uint64_t>>> opened_;
};

// With a cache directory, or in memory alone.
class FaultyRanges : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<const RemoteBlob> open() {
    return must(cache_.open({.media_type = {}, .digest = digest_, .size = source_->content.size()}, source_));
  }
  bool is_right(const Blob& blob, std::uint64_t offset, std::size_t size) const {
    Bytes out(size);
    const auto got = blob.read_at(out, offset);
    const auto expected = ByteView(source_->content).subspan(offset);
    return got && same_bytes(ByteView(out).first(*got), expected.first(std::min(size, expected.size())));
  }

  TempDir dir_;
  const std::shared_ptr<FaultySource> source_ = std::make_shared<FaultySource>();
  const Digest digest_ = Digest::of(source_->content);
  RangeCache cache_{GetParam() ? dir_ / "cache" : "",
                    RangeCache::kDefaultBudget,
                    {.idle_time = std::chrono::milliseconds(100)}};
};
INSTANTIATE_TEST_SUITE_P(Cache, FaultyRanges, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "InFiles" : "InMemory"; });

TEST_P(FaultyRanges, DistrustedBytesAreFetchedAgain) {
  source_->wrong_at = 3 * kRangeChunk + 100;
  source_->wrong_times = 2;
  const auto blob = open();
  for (int left = 2; left > 0; --left) {
    EXPECT_FALSE(is_right(*blob, 3 * kRangeChunk, 1'000));
    EXPECT_FALSE(is_right(*blob, 3 * kRangeChunk, 1'000)) << "it is cached";
    EXPECT_EQ(source_->wrong_left(), left - 1);
    EXPECT_TRUE(blob->distrust(3 * kRangeChunk + 50, 100));
  }
  EXPECT_TRUE(is_right(*blob, 3 * kRangeChunk, 1'000));
}

TEST_P(FaultyRanges, BytesThatStayWrongAreFetchedFourTimes) {
  source_->wrong_at = 100;
  source_->wrong_times = 1'000;
  const auto blob = open();
  int fetched = 0;
  do {
    EXPECT_FALSE(is_right(*blob, 0, 1'000));
    ++fetched;
  } while (fetched < 10 && blob->distrust(0, 1'000));
  EXPECT_EQ(fetched, 4);
  EXPECT_EQ(source_->wrong_left(), 1'000 - 4);
  EXPECT_TRUE(is_right(*blob, kRangeChunk, 1'000));
  EXPECT_TRUE(blob->distrust(kRangeChunk, 1'000)) << "others are not affected";
}

TEST_P(FaultyRanges, SeveralReportsOfBytesThatAreNotThereCountOnce) {
  const auto blob = open();
  ASSERT_TRUE(is_right(*blob, 0, 1'000));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(blob->distrust(0, 1'000));
  EXPECT_TRUE(is_right(*blob, 0, 1'000));
  EXPECT_TRUE(blob->distrust(0, 1'000));
  EXPECT_FALSE(blob->distrust(blob->size(), 1'000)) << "nothing to fetch";
  EXPECT_FALSE(blob->distrust(0, 0));
}

TEST_P(FaultyRanges, ACompleteBlobIsDroppedIfItIsDistrusted) {
  const auto blob = open();
  if (!GetParam()) return;
  ASSERT_TRUE(blob->prefetch({}));
  ASSERT_TRUE(blob->is_complete());
  const auto requests = source_->opened().size();
  EXPECT_TRUE(is_right(*blob, 1'000, 1'000));
  EXPECT_EQ(source_->opened().size(), requests);
  EXPECT_TRUE(blob->distrust(0, 1'000));
  EXPECT_FALSE(blob->is_complete());
  EXPECT_TRUE(is_right(*blob, 1'000, 1'000));
  EXPECT_EQ(source_->opened().size(), requests + 1);
}

TEST_P(FaultyRanges, AWholeBlobForARangeFillsTheCacheFromTheStart) {
  source_->sends_all = true;
  const auto blob = open();
  EXPECT_TRUE(is_right(*blob, 4 * kFaultyMebi, 500));
  EXPECT_EQ(source_->opened().size(), 1u);
  if (!GetParam()) return;
  for (std::uint64_t offset = 0; offset < blob->size(); offset += 300'000)
    EXPECT_TRUE(is_right(*blob, offset, 300'000)) << offset;
  EXPECT_EQ(source_->opened().size(), 1u) << "no other request";
  EXPECT_EQ(blob->stats().fetched, blob->size());
  EXPECT_TRUE(eventually([&] { return blob->is_complete(); }));
}

TEST_P(FaultyRanges, AWholeBlobForARangeIsReadToItsEnd) {
  source_->sends_all = true;
  const auto blob = open();
  EXPECT_TRUE(is_right(*blob, 2 * kFaultyMebi, 500));
  if (GetParam()) {
    EXPECT_TRUE(eventually([&] { return blob->is_complete(); }));
    EXPECT_EQ(source_->opened().size(), 1u);
  }
  for (const std::uint64_t offset : {3 * kFaultyMebi, kFaultyMebi, std::uint64_t{0}, 4 * kFaultyMebi})
    EXPECT_TRUE(is_right(*blob, offset, 500)) << offset;
  EXPECT_LE(source_->opened().size(), GetParam() ? 1u : 5u);
}

TEST_P(FaultyRanges, ChunksBeforeARangeAreCachedIfTheyAreWhole) {
  source_->earlier = 20 * kRangeChunk + 5'000;
  const auto blob = open();
  EXPECT_TRUE(is_right(*blob, 40 * kRangeChunk, 500));
  EXPECT_EQ(source_->opened().size(), 1u);
  EXPECT_TRUE(is_right(*blob, 20 * kRangeChunk, 2 * kRangeChunk));
  EXPECT_EQ(source_->opened().size(), 1u);
  EXPECT_TRUE(is_right(*blob, 20 * kRangeChunk - 100, 50));
  EXPECT_EQ(source_->opened().size(), 2u);
}

TEST_P(FaultyRanges, CachedChunksAndReadersOfOthersDoNotEndAWholeBlob) {
  const auto blob = open();
  EXPECT_TRUE(is_right(*blob, 0, 20 * kRangeChunk));
  source_->sends_all = true;
  std::vector<std::jthread> readers;
  for (std::uint64_t i = 0; i < 6; ++i)
    readers.emplace_back([&, i] {
      for (std::uint64_t offset = i * 10 * kRangeChunk; offset < blob->size(); offset += 7 * kRangeChunk)
        EXPECT_TRUE(is_right(*blob, offset, 5'000)) << offset;
    });
}

TEST(WrongRanges, CountsReportsOfTheWholeRange) {
  WrongRanges wrong(std::chrono::hours(1));
  EXPECT_TRUE(wrong.report(10, 2));
  EXPECT_TRUE(wrong.report(8, 10));
  EXPECT_TRUE(wrong.report(11, 1));
  EXPECT_FALSE(wrong.report(11, 1)) << "three reports contain it";
  EXPECT_TRUE(wrong.report(10, 2)) << "two reports contain it";
  EXPECT_TRUE(wrong.report(8, 10));
}

TEST(WrongRanges, ForgetsReportsAfterThePeriod) {
  WrongRanges wrong(std::chrono::milliseconds(1));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(wrong.report(1, 1));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace
}  // namespace layoutfs::testing
