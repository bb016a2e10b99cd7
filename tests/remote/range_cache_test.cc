// The cache as a whole: reopening, sharing, damage, crashes, proof, budget, and disks that refuse.
#include "core/remote/range_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remote/memory_range_source.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

class RangeCaches : public ::testing::Test {
 protected:
  static constexpr std::size_t kSize = 40 * kRangeChunk + 1234;
  std::shared_ptr<const RemoteBlob> open(RangeCache& cache) {
    return must(cache.open({.digest = digest_, .size = kSize}, source_));
  }
  TempDir dir_;
  const std::shared_ptr<MemoryRangeSource> source_ =
      std::make_shared<MemoryRangeSource>(random_bytes(kSize, 2));
  const Digest digest_ = Digest::of(source_->content());
};

TEST_F(RangeCaches, APrefetchedBlobIsCompleteForLaterProcesses) {
  {
    RangeCache cache(dir_ / "cache");
    const auto blob = open(cache);
    EXPECT_FALSE(blob->is_complete());
    EXPECT_FALSE(blob->extent());
    EXPECT_EQ(failure_of(cache.find_complete(digest_)), Errc::not_found);
    const auto fetched = blob->prefetch({});
    ASSERT_TRUE(fetched) << fetched.error().message();
    EXPECT_TRUE(blob->is_complete());
    EXPECT_EQ(source_->request_count(), 1u);
  }
  RangeCache cache(dir_ / "cache");
  const auto found = must(cache.find_complete(digest_));
  EXPECT_EQ(must(read_range(*found, 0, kSize + 1)), source_->content());
  const auto blob = open(cache);
  ASSERT_TRUE(blob->extent());
  EXPECT_EQ(read_all(blob->extent()->fd, "blob", kSize).value(), source_->content());
  EXPECT_EQ(must(read_range(*blob, 0, kSize + 1)), source_->content());
  EXPECT_EQ(source_->request_count(), 1u);
}

}  // namespace
}  // namespace layoutfs::testing
