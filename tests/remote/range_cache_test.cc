// The cache as a whole: later and concurrent processes, damage, crashes, proof, budget, and disks that
// refuse.
#include "core/remote/range_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/cache/cache_directory.h"
#include "tests/remote/remote_test_blob.h"
#include "tests/support/eventually.h"
#include "tests/support/other_user.h"
#include "tests/support/results.h"
#include "tests/support/same_bytes.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;

bool reads_right(const Blob& blob, const TestBlob& expected) {
  const auto got = read_range(blob, 0, blob.size());
  return got && same_bytes(*got, expected.source->content());
}

class RangeCaches : public ::testing::Test {
 protected:
  std::string cache() const { return dir_ / "cache"; }
  std::string ranges_path(const TestBlob& blob) const {
    return cache() + "/remote-ranges/sha256/" + blob.digest.hex();
  }
  std::string complete_path(const TestBlob& blob) const {
    return cache() + "/remote/sha256/" + blob.digest.hex();
  }

  TempDir dir_;
  const TestBlob blob_{2};
  const std::uint64_t size_ = blob_.source->content().size();
};

TEST_F(RangeCaches, APrefetchedBlobIsCompleteForLaterProcesses) {
  {
    RangeCache cache(this->cache());
    const auto blob = blob_.open(cache);
    EXPECT_FALSE(blob->is_complete());
    EXPECT_FALSE(blob->extent());
    EXPECT_FALSE(std::filesystem::exists(complete_path(blob_)));
    const auto fetched = blob->prefetch({});
    ASSERT_TRUE(fetched) << fetched.error().message();
    EXPECT_TRUE(blob->is_complete());
    EXPECT_EQ(blob_.source->request_count(), 1u);
    EXPECT_FALSE(std::filesystem::exists(ranges_path(blob_)));
  }
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  ASSERT_TRUE(blob->extent());
  EXPECT_EQ(read_all(blob->extent()->fd, "blob", size_).value(), blob_.source->content());
  EXPECT_TRUE(reads_right(*blob, blob_));
  EXPECT_TRUE(blob->prefetch({}));
  EXPECT_EQ(blob_.source->request_count(), 1u);
  EXPECT_EQ(cache.stats().cached, size_);
}

TEST_F(RangeCaches, ReadingAllRangesMakesABlobComplete) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  for (std::uint64_t chunk = chunk_count(size_); chunk-- > 0;)
    ASSERT_TRUE(read_range(*blob, chunk * kRangeChunk, 1));
  EXPECT_TRUE(eventually([&] { return blob->is_complete(); }));
  EXPECT_EQ(blob_.source->delivered(), size_) << "no byte twice";
  // Proven content gets its name a moment later.
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(complete_path(blob_)); }));
}

TEST_F(RangeCaches, RangesStayForLaterProcesses) {
  {
    RangeCache cache(this->cache());
    ASSERT_TRUE(read_range(*blob_.open(cache), 100'000, 200'000));
  }
  const auto requests = blob_.source->request_count();
  RangeCache cache(this->cache());
  EXPECT_TRUE(
      same_bytes(must(read_range(*blob_.open(cache), 100'000, 200'000)), blob_.range(100'000, 200'000)));
  EXPECT_EQ(blob_.source->request_count(), requests);
  EXPECT_EQ(cache.stats().cached, 200'000u);
  EXPECT_EQ(cache.stats().fetched, 0u);
}

TEST_F(RangeCaches, ACacheThatKeepsNothingReadsWhatOthersKept) {
  const TestBlob other(3);
  const auto open_reading = [&] {
    return RangeCache(this->cache(), RangeCache::kDefaultBudget, {}, RangeCache::Keeping::none);
  };
  {
    RangeCache cache(this->cache());
    ASSERT_TRUE(blob_.open(cache)->prefetch({}));
    ASSERT_TRUE(read_range(*other.open(cache), 0, 1));
  }
  const auto requests = blob_.source->request_count();
  const auto kept = std::filesystem::file_size(ranges_path(other));
  const auto before = other.source->delivered();
  ASSERT_GT(before, 0u);
  {
    RangeCache cache = open_reading();
    const auto blob = blob_.open(cache);
    EXPECT_TRUE(blob->extent()) << "can be cloned";
    EXPECT_TRUE(reads_right(*blob, blob_));
    EXPECT_TRUE(reads_right(*other.open(cache), other));
  }
  EXPECT_EQ(blob_.source->request_count(), requests);
  EXPECT_LE(other.source->delivered(), size_) << "the kept ranges are not fetched";
  EXPECT_FALSE(std::filesystem::exists(complete_path(other)));
  EXPECT_EQ(std::filesystem::file_size(ranges_path(other)), kept);
  const TestBlob third(4);
  RangeCache cache = open_reading();
  EXPECT_TRUE(reads_right(*third.open(cache), third));
  EXPECT_FALSE(std::filesystem::exists(ranges_path(third)));
  EXPECT_FALSE(std::filesystem::exists(complete_path(third)));
}

TEST_F(RangeCaches, AllUsersOfOneCacheShareABlob) {
  RangeCache cache(this->cache());
  EXPECT_EQ(blob_.open(cache), blob_.open(cache));
  EXPECT_EQ(failure_of(cache.open({}, blob_.source)), Errc::digest_invalid);
  EXPECT_EQ(cache.blob_stats().size(), 1u);
}

TEST_F(RangeCaches, TheNewestSourceIsUsed) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  blob_.source->fail_requests(1000);
  EXPECT_EQ(failure_of(read_range(*blob, 0, 10)), Errc::io);
  const auto other = std::make_shared<MemoryRangeSource>(blob_.source->content());
  must(cache.open({.digest = blob_.digest, .size = size_}, other));
  EXPECT_TRUE(read_range(*blob, 0, 10));
}

// As two processes have them: the locks of files exclude each other.
TEST_F(RangeCaches, SeveralCachesFillOneDirectory) {
  std::vector<std::unique_ptr<RangeCache>> caches;
  for (int i = 0; i < 3; ++i) caches.push_back(std::make_unique<RangeCache>(this->cache()));
  const TestBlob large(3, 300 * kRangeChunk + 1);
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      const auto blob = large.open(*caches[i / 2]);
      std::mt19937_64 random(i);
      for (int n = 0; n < 300; ++n) {
        const std::uint64_t offset = random() % (blob->size() - 100'000);
        const std::size_t size = 1 + random() % 100'000;
        EXPECT_TRUE(same_bytes(must(read_range(*blob, offset, size)), large.range(offset, size)));
      }
      EXPECT_TRUE(blob->prefetch({}));
      EXPECT_TRUE(reads_right(*blob, large));
    });
  threads.clear();
  EXPECT_EQ(read_all(large.open(*caches[0])->extent()->fd, "blob", 1 << 30).value(), large.source->content());
  EXPECT_LT(large.source->delivered(), 3 * large.source->content().size());
}

TEST_F(RangeCaches, OneProcessUsesWhatAnotherOneHasFetchedMeanwhile) {
  RangeCache one(this->cache()), other(this->cache());
  const auto seen = blob_.open(other);
  ASSERT_TRUE(read_range(*seen, 0, 1)) << "so it has the file open";
  ASSERT_TRUE(blob_.open(one)->prefetch({}));
  const auto requests = blob_.source->request_count();
  EXPECT_TRUE(reads_right(*seen, blob_));
  EXPECT_TRUE(seen->is_complete());
  EXPECT_EQ(blob_.source->request_count(), requests);
}

TEST_F(RangeCaches, ADamagedChunkIsFetchedAgain) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  ASSERT_TRUE(read_range(*blob, 0, 1'000'000));
  const UniqueFd file(::open(ranges_path(blob_).c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::pwrite(file.get(), "damaged", 7, 200'000), 7);
  const auto delivered = blob_.source->delivered();
  EXPECT_TRUE(same_bytes(must(read_range(*blob, 199'000, 5'000)), blob_.range(199'000, 5'000)));
  EXPECT_EQ(blob_.source->delivered(), delivered + kRangeChunk);
  // Nobody reads this one before the proof.
  ASSERT_EQ(::pwrite(file.get(), "damaged", 7, 500'000), 7);
  EXPECT_TRUE(blob->prefetch({}));
  EXPECT_TRUE(reads_right(*blob, blob_));
}

TEST_F(RangeCaches, AnInvalidFileIsReplaced) {
  {
    RangeCache cache(this->cache());
    ASSERT_TRUE(read_range(*blob_.open(cache), 0, 1));
  }
  write_file(ranges_path(blob_), "rubbish");
  RangeCache cache(this->cache());
  EXPECT_TRUE(blob_.open(cache)->prefetch({}));
}

TEST_F(RangeCaches, WrongContentIsDroppedAndCanBeFetchedAgain) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  blob_.source->damage(1'234'567);
  const auto wrong = blob->prefetch({});
  EXPECT_EQ(failure_of(wrong), Errc::corrupt);
  EXPECT_THAT(wrong.error().message(), HasSubstr(blob_.digest.str()));
  EXPECT_FALSE(blob->is_complete());
  EXPECT_FALSE(std::filesystem::exists(complete_path(blob_)));
  blob_.source->damage(~std::uint64_t{0});
  const auto delivered = blob_.source->delivered();
  const auto right = blob->prefetch({});
  ASSERT_TRUE(right) << right.error().message();
  EXPECT_EQ(blob_.source->delivered(), delivered + size_) << "nothing was left of the wrong content";
  EXPECT_TRUE(reads_right(*blob, blob_));
}

TEST_F(RangeCaches, AReaderThatFindsARangeWrongGetsItAgain) {
  for (const std::string& directory : {this->cache(), std::string()}) {
    const TestBlob wrong(4);
    RangeCache cache(directory);
    const auto blob = wrong.open(cache);
    wrong.source->damage(300'000);
    EXPECT_FALSE(same_bytes(must(read_range(*blob, 300'000, 10)), wrong.range(300'000, 10)));
    wrong.source->damage(~std::uint64_t{0});
    EXPECT_FALSE(same_bytes(must(read_range(*blob, 300'000, 10)), wrong.range(300'000, 10)));
    blob->forget(299'990, 20);
    EXPECT_TRUE(same_bytes(must(read_range(*blob, 300'000, 10)), wrong.range(300'000, 10)));
  }
}

TEST_F(RangeCaches, ACompleteBlobThatIsDamagedCanBeForgotten) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  ASSERT_TRUE(blob->prefetch({}));
  const int fd = blob->extent()->fd;
  const UniqueFd file(::open(complete_path(blob_).c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::pwrite(file.get(), "damaged", 7, 500'000), 7);
  EXPECT_FALSE(reads_right(*blob, blob_));
  blob->forget(500'000, 7);
  EXPECT_TRUE(reads_right(*blob, blob_));
  EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC) << "users of the extent keep the file";
}

TEST_F(RangeCaches, TheLeastRecentlyUsedBlobsMakeRoom) {
  constexpr std::uint64_t kBudget = 8 << 20;
  std::vector<TestBlob> blobs;
  for (unsigned seed = 0; seed < 5; ++seed) blobs.emplace_back(10 + seed);  // 2.5 MiB each
  for (const TestBlob& blob : blobs) {
    RangeCache cache(this->cache(), kBudget);
    EXPECT_TRUE(blob.open(cache)->prefetch({}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(blobs[0].open(cache)->is_complete()) << "opening is a use";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  RangeCache cache(this->cache(), kBudget);
  EXPECT_TRUE(blobs[0].open(cache)->is_complete());
  EXPECT_FALSE(blobs[1].open(cache)->is_complete());
  EXPECT_TRUE(blobs[4].open(cache)->is_complete());
  std::uint64_t used = 0;
  for (const CacheKind kind : {CacheKind::remote_blob, CacheKind::remote_ranges}) {
    const auto files = must(CacheDirectory(this->cache()).list(kind));
    for (const CachedFile& file : files) used += file.size;
  }
  EXPECT_LE(used, kBudget + kBudget / 16 + (1 << 16));
  EXPECT_GE(used, kBudget / 2);
}

TEST_F(RangeCaches, AFileThatIsRemovedDuringUseIsReplaced) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  ASSERT_TRUE(read_range(*blob, 0, 1'000'000));
  std::filesystem::remove(ranges_path(blob_));
  EXPECT_TRUE(reads_right(*blob, blob_));
  EXPECT_TRUE(blob->prefetch({}));
  EXPECT_TRUE(std::filesystem::exists(complete_path(blob_)));
}

TEST_F(RangeCaches, ABlobAboveTheBudgetCanBeReadButIsNotKept) {
  constexpr std::uint64_t kBudget = 1 << 20;
  RangeCache cache(this->cache(), kBudget);
  const auto blob = blob_.open(cache);
  EXPECT_TRUE(reads_right(*blob, blob_));
  EXPECT_TRUE(reads_right(*blob, blob_));
  const auto files = must(CacheDirectory(this->cache()).list(CacheKind::remote_ranges));
  for (const CachedFile& file : files) EXPECT_LE(file.size, kBudget + kBudget / 8);
}

TEST_F(RangeCaches, WithoutABudgetThereAreNoFiles) {
  RangeCache cache(this->cache(), 0);
  EXPECT_TRUE(reads_right(*blob_.open(cache), blob_));
  EXPECT_EQ(failure_of(blob_.open(cache)->prefetch({})), Errc::failed_precondition);
  EXPECT_FALSE(std::filesystem::exists(this->cache()));
}

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(RangeCaches, ReadingContinuesWithoutCachingIfTheDiskRefuses) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  {
    const FileSizeLimit limit(1 << 20);
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(reads_right(*blob, blob_));
    EXPECT_TRUE(reads_right(*blob, blob_));
    const std::string logged = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(logged, '\n'), 1) << logged;
    EXPECT_THAT(logged, HasSubstr("reading continues without it"));
  }
  EXPECT_EQ(failure_of(blob->prefetch({})), Errc::failed_precondition);
}

TEST_F(RangeCaches, ReadingContinuesIfTheFileCanNoLongerGrow) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  ASSERT_TRUE(read_range(*blob, 0, 100'000));
  const FileSizeLimit limit(1 << 20);
  EXPECT_TRUE(reads_right(*blob, blob_));
}

TEST_F(RangeCaches, ACacheThatCannotBeWrittenIsRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  {
    RangeCache cache(this->cache());
    ASSERT_TRUE(read_range(*blob_.open(cache), 0, 1'000'000));
  }
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
  for (const char* folder : {"", "/remote-ranges", "/remote-ranges/sha256"})
    ASSERT_EQ(::chmod((this->cache() + folder).c_str(), 0755), 0);
  ASSERT_EQ(::chmod(ranges_path(blob_).c_str(), 0644), 0);
  const auto before = blob_.source->delivered();
  const AsNobody nobody;
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  EXPECT_TRUE(same_bytes(must(read_range(*blob, 0, 1'000'000)), blob_.range(0, 1'000'000)));
  EXPECT_EQ(blob_.source->delivered(), before);
  EXPECT_TRUE(reads_right(*blob, blob_));
}

TEST_F(RangeCaches, FilesThatOthersCouldHaveWrittenAreNotUsed) {
  {
    RangeCache cache(this->cache());
    ASSERT_TRUE(blob_.open(cache)->prefetch({}));
  }
  ASSERT_EQ(::chmod(complete_path(blob_).c_str(), 0666), 0);
  RangeCache cache(this->cache());
  EXPECT_FALSE(blob_.open(cache)->is_complete());
}

TEST_F(RangeCaches, APrefetchEndsWithItsContextAndResumes) {
  RangeCache cache(this->cache());
  const auto blob = blob_.open(cache);
  blob_.source->stall_at(1'000'000);
  std::stop_source stop;
  std::jthread prefetch([&] {
    EXPECT_EQ(failure_of(blob->prefetch({.stop = stop.get_token(), .deadline = {}})), Errc::cancelled);
  });
  ASSERT_TRUE(blob_.source->wait_delivered(1'000'000));
  stop.request_stop();
  prefetch.join();
  blob_.source->stall_at(~std::uint64_t{0});
  EXPECT_TRUE(blob->prefetch({}));
  EXPECT_EQ(blob_.source->delivered(), size_);
}

TEST_F(RangeCaches, ReadAheadGivesWayToAReader) {
  const TestBlob large(7, 16 << 20);
  RangeCache cache(this->cache(), RangeCache::kDefaultBudget, {.most_running = 1, .most_ahead = 1});
  const auto blob = large.open(cache);
  constexpr std::uint64_t kStall = 5 << 20;
  large.source->stall_at(kStall);
  blob->will_read(4 << 20, 8 << 20);
  ASSERT_TRUE(large.source->wait_stalled());
  std::jthread reader([&] { EXPECT_TRUE(same_bytes(must(read_range(*blob, 0, 10)), large.range(0, 10))); });
  // The announced bytes arrive too slowly to end before the reader is served.
  for (std::uint64_t chunk = 1; large.source->request_count() < 2; ++chunk) {
    ASSERT_LT(chunk, 100u);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    large.source->stall_at(kStall + chunk * kRangeChunk);
  }
  reader.join();
}

// A network that fails after a while.
class SlowFailure final : public RangeSource {
 public:
  Result<OpenedRange> open(std::uint64_t, std::uint64_t, const Context&) const override {
    ++requests;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return fail(Errc::io, "no route to host");
  }
  mutable std::atomic<int> requests = 0;
};

TEST_F(RangeCaches, ManyReadersDoNotWaitForOneFailureAfterAnother) {
  RangeCache cache(this->cache(), RangeCache::kDefaultBudget, {.most_running = 1, .most_ahead = 1});
  const auto source = std::make_shared<SlowFailure>();
  const auto blob = must(cache.open({.digest = Digest::of(as_bytes("unknown")), .size = 100 << 20}, source));
  {
    std::vector<std::jthread> readers;
    for (std::uint64_t i = 0; i < 10; ++i)
      readers.emplace_back(
          [&, i] { EXPECT_EQ(failure_of(read_range(*blob, i * (10 << 20), 10)), Errc::io); });
  }
  EXPECT_LT(source->requests, 6);
}

TEST_F(RangeCaches, AReaderIsServedWhileOthersReadInSequence) {
  const TestBlob large(8, 16 << 20);
  RangeCache cache(this->cache(), RangeCache::kDefaultBudget, {.most_running = 1, .most_ahead = 1});
  const auto blob = large.open(cache);
  large.source->slow_down(std::chrono::milliseconds(1));
  std::atomic<bool> is_over = false;
  std::jthread sequential([&] {
    for (std::uint64_t offset = 0; offset < blob->size(); offset += 128 << 10)
      EXPECT_TRUE(same_bytes(must(read_range(*blob, offset, 128 << 10)), large.range(offset, 128 << 10)));
    is_over = true;
  });
  ASSERT_TRUE(large.source->wait_delivered(3 << 20));
  EXPECT_TRUE(same_bytes(must(read_range(*blob, 15 << 20, 10)), large.range(15 << 20, 10)));
  EXPECT_FALSE(is_over);
}

TEST_F(RangeCaches, ReadersGoFirstDuringAPrefetch) {
  const TestBlob large(6, 32 << 20);
  RangeCache cache(this->cache());
  const auto blob = large.open(cache);
  large.source->stall_at(2 << 20);
  std::jthread prefetch([&] { EXPECT_TRUE(blob->prefetch({})); });
  ASSERT_TRUE(large.source->wait_stalled());
  large.source->stall_at(~std::uint64_t{0});
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t offset = random() % (blob->size() - 5000);
    EXPECT_TRUE(same_bytes(must(read_range(*blob, offset, 5000)), large.range(offset, 5000)));
  }
  prefetch.join();
  EXPECT_TRUE(reads_right(*blob, large));
}

}  // namespace
}  // namespace layoutfs::testing
