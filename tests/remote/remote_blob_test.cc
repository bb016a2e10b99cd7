// Reads of a blob with ranges that are fetched when they are needed.
#include "core/remote/remote_blob.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/remote/range_cache.h"
#include "tests/remote/memory_range_source.h"
#include "tests/support/results.h"
#include "tests/support/same_bytes.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

constexpr std::uint64_t kKibi = 1024, kMebi = 1024 * kKibi;

// With a cache directory, or in memory alone.
class RemoteBlobs : public ::testing::TestWithParam<bool> {
 protected:
  explicit RemoteBlobs(std::size_t size = 16 * kMebi + 12'345,
                       std::chrono::milliseconds idle_time = std::chrono::milliseconds(200))
      : source_(std::make_shared<MemoryRangeSource>(random_bytes(size, 1))),
        cache_(GetParam() ? dir_ / "cache" : "", RangeCache::kDefaultBudget, {.idle_time = idle_time}) {}

  const Bytes& content() const { return source_->content(); }
  std::shared_ptr<const RemoteBlob> open() {
    const Descriptor descriptor{.digest = digest_, .size = content().size()};
    return must(cache_.open(descriptor, source_));
  }
  void expect_right(const Blob& blob, std::uint64_t offset, std::size_t size) const {
    const auto got = read_range(blob, offset, size);
    ASSERT_TRUE(got) << got.error().message();
    const auto expected =
        ByteView(content()).subspan(offset, std::min<std::size_t>(size, content().size() - offset));
    EXPECT_TRUE(same_bytes(*got, expected)) << offset << " " << size;
  }
  void expect_all_right(const Blob& blob) const {
    for (std::uint64_t offset = 0; offset < content().size(); offset += 128 * kKibi)
      expect_right(blob, offset, 128 * kKibi);
  }

  TempDir dir_;
  const std::shared_ptr<MemoryRangeSource> source_;
  const Digest digest_ = Digest::of(source_->content());
  RangeCache cache_;
};
INSTANTIATE_TEST_SUITE_P(Cache, RemoteBlobs, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "InFiles" : "InMemory"; });

TEST_P(RemoteBlobs, ReadsAreLikeThoseOfTheContent) {
  const auto blob = open();
  EXPECT_EQ(blob->size(), content().size());
  EXPECT_EQ(must(read_range(*blob, content().size(), 10)).size(), 0u);
  EXPECT_EQ(must(read_range(*blob, content().size() + 1, 10)).size(), 0u);
  EXPECT_EQ(must(read_range(*blob, content().size() - 5, 10)).size(), 5u);
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i)
    expect_right(*blob, random() % content().size(), 1 + random() % (i % 10 == 0 ? kMebi : 10'000));
  EXPECT_EQ(source_->delivered(), blob->stats().fetched);
  EXPECT_EQ(source_->request_count(), blob->stats().requests);
}

TEST_P(RemoteBlobs, ManyThreadsReadAtTheSameTime) {
  const auto blob = open();
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 8; ++seed)
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      std::uint64_t offset = 0;
      for (int i = 0; i < 150; ++i) {
        const std::size_t size = 1 + random() % 200'000;
        if (i % 3 == 0) offset = random() % content().size();  // otherwise it goes on
        if (i % 7 == 0) blob->will_read(random() % content().size(), random() % (3 * kMebi));
        expect_right(*blob, offset, size);
        offset = (offset + size) % content().size();
      }
    });
}

TEST_P(RemoteBlobs, ASequentialReaderMakesFewRequests) {
  const auto blob = open();
  expect_all_right(*blob);
  EXPECT_LE(source_->request_count(), 16u);
  EXPECT_EQ(source_->delivered(), content().size()) << "no byte twice";
  for (const auto& [offset, size] : source_->requests())
    EXPECT_GE(size, offset > 0 ? 256 * kKibi : 0) << offset;
}

TEST_P(RemoteBlobs, ARandomReadFetchesOnlyItsChunks) {
  const auto blob = open();
  expect_right(*blob, 5 * kMebi + 100, 1000);
  EXPECT_EQ(source_->delivered(), 64 * kKibi);
  expect_right(*blob, 5 * kMebi + 20'000, 30'000);
  EXPECT_EQ(source_->request_count(), 1u) << "neighbouring bytes have arrived with them";
  expect_right(*blob, 9 * kMebi - 1, 2);
  EXPECT_EQ(source_->delivered(), 3 * 64 * kKibi);
  EXPECT_EQ(source_->request_count(), 2u) << "one request for neighbouring chunks";
}

TEST_P(RemoteBlobs, AReaderDoesNotWaitForTheRestOfItsRequest) {
  const auto blob = open();
  source_->stall_at(10 * 64 * kKibi);
  std::jthread whole([&] { expect_right(*blob, 0, 2 * kMebi); });
  ASSERT_TRUE(source_->wait_stalled());
  expect_right(*blob, 9 * 64 * kKibi, 64 * kKibi);
  EXPECT_EQ(source_->request_count(), 1u);
  source_->stall_at(~std::uint64_t{0});
}

TEST_P(RemoteBlobs, ReadersOfOneChunkShareItsRequest) {
  const auto blob = open();
  source_->stall_at(0);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { expect_right(*blob, 100, 1000); });
  ASSERT_TRUE(source_->wait_stalled());
  source_->stall_at(~std::uint64_t{0});
  threads.clear();
  EXPECT_EQ(source_->request_count(), 1u);
}

TEST_P(RemoteBlobs, AWaitingReaderCanBeCancelled) {
  const auto blob = open();
  source_->stall_at(0);
  std::stop_source stop;
  std::jthread other([&] { expect_right(*blob, 0, 1000); });
  ASSERT_TRUE(source_->wait_stalled()) << "so the request is that of this reader";
  std::jthread stopped([&] {
    EXPECT_EQ(failure_of(read_range(*blob, 0, 1000, {.stop = stop.get_token(), .deadline = {}})),
              Errc::cancelled);
  });
  EXPECT_EQ(failure_of(read_range(
                *blob, 0, 1000,
                {.stop = {}, .deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(10)})),
            Errc::cancelled);
  stop.request_stop();
  stopped.join();
  source_->stall_at(~std::uint64_t{0});
  other.join();
  EXPECT_EQ(source_->request_count(), 1u) << "the request went on for the other reader";
}

TEST_P(RemoteBlobs, ErrorsAreReturnedButNotRemembered) {
  const auto blob = open();
  source_->fail_requests(1);
  EXPECT_EQ(failure_of(read_range(*blob, 0, 1000)), Errc::io);
  expect_right(*blob, 0, 1000);
}

TEST_P(RemoteBlobs, ATruncatedResponseIsAnErrorAndItsBeginningIsKept) {
  const auto blob = open();
  source_->truncate_at(kMebi + 1000);
  EXPECT_EQ(failure_of(read_range(*blob, kMebi - 64 * kKibi, 128 * kKibi)), Errc::unexpected_eof);
  const auto requests = source_->request_count();
  expect_right(*blob, kMebi - 64 * kKibi, 64 * kKibi);
  EXPECT_EQ(source_->request_count(), requests);
  source_->truncate_at(~std::uint64_t{0});
  expect_right(*blob, kMebi - 64 * kKibi, 128 * kKibi);
}

TEST_P(RemoteBlobs, AnnouncedBytesAreFetchedWithoutAReader) {
  const auto blob = open();
  blob->will_read(3 * kMebi, 700 * kKibi);
  ASSERT_TRUE(source_->wait_delivered(704 * kKibi));
  expect_right(*blob, 3 * kMebi, 700 * kKibi);
  EXPECT_EQ(source_->request_count(), 1u);
  blob->will_read(content().size() - 1, 100);
  blob->will_read(content().size(), 100);
  blob->will_read(0, 0);
}

TEST_P(RemoteBlobs, OnlyBytesThatHaveArrivedAreAtHand) {
  const auto blob = open();
  EXPECT_FALSE(blob->is_at_hand(3 * kMebi, 1));
  expect_right(*blob, 3 * kMebi, 64 * kKibi);
  EXPECT_TRUE(blob->is_at_hand(3 * kMebi, 64 * kKibi));
  EXPECT_FALSE(blob->is_at_hand(3 * kMebi, 64 * kKibi + 1));
  EXPECT_FALSE(blob->is_at_hand(3 * kMebi - 1, 2));
  EXPECT_TRUE(blob->is_at_hand(content().size(), 100));
}

class LargeRemoteBlobs : public RemoteBlobs {
 protected:
  LargeRemoteBlobs() : RemoteBlobs(40 * kMebi, std::chrono::milliseconds(1500)) {}
};
INSTANTIATE_TEST_SUITE_P(Cache, LargeRemoteBlobs, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "InFiles" : "InMemory"; });

TEST_P(LargeRemoteBlobs, AnOpenResponseIsContinuedAndEndsIfNobodyReads) {
  const auto blob = open();
  // As much as the longest window behind the point from which on a reader is endless.
  for (std::uint64_t offset = 0; offset < 12 * kMebi; offset += 128 * kKibi)
    expect_right(*blob, offset, 128 * kKibi);
  const auto requests = source_->request_count();
  for (std::uint64_t offset = 12 * kMebi; offset < 14 * kMebi; offset += 128 * kKibi)
    expect_right(*blob, offset, 128 * kKibi);
  EXPECT_EQ(source_->request_count(), requests);
  ASSERT_TRUE(source_->wait_closed());
  const auto delivered = source_->delivered();
  EXPECT_LT(delivered, content().size());
  expect_right(*blob, 39 * kMebi, 100);
  expect_all_right(*blob);
}

TEST_P(RemoteBlobs, ReadersElsewhereAreServedWhileManyReadInSequence) {
  const auto blob = open();
  std::vector<std::jthread> threads;
  for (std::uint64_t begin = 0; begin < 16; ++begin)
    threads.emplace_back([&, begin] {
      for (std::uint64_t offset = begin * kMebi; offset < (begin + 1) * kMebi; offset += 32 * kKibi)
        expect_right(*blob, offset, 32 * kKibi);
    });
  threads.clear();
  EXPECT_LE(source_->delivered(), 2 * content().size());
}

TEST_P(RemoteBlobs, ABlobEndsWhileItsRequestsRun) {
  source_->stall_at(kMebi / 2);
  {
    RangeCache cache(GetParam() ? dir_ / "other" : "");
    const auto blob = must(cache.open({.digest = digest_, .size = content().size()}, source_));
    blob->will_read(0, 4 * kMebi);
    ASSERT_TRUE(source_->wait_stalled());
  }
  EXPECT_EQ(source_->request_count(), 1u);
}

TEST_P(RemoteBlobs, AnEmptyBlobNeedsNoRequest) {
  const auto blob = must(cache_.open({.digest = Digest::of({}), .size = 0}, source_));
  EXPECT_EQ(must(read_range(*blob, 0, 10)).size(), 0u);
  EXPECT_TRUE(blob->prefetch({}));
  EXPECT_EQ(source_->request_count(), 0u);
}

}  // namespace
}  // namespace layoutfs::testing
