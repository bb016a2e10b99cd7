#include "core/commit/sparse_content.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::must;
using ::testing::Pair;
using testing::TempDir;

class SparseContent : public ::testing::Test {
 protected:
  // Writes a file of `size` bytes with a byte at each of the offsets.
  void make(std::uint64_t size, const std::vector<std::uint64_t>& data) {
    fd_ = must(open_at(AT_FDCWD, dir_ / "file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    ASSERT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
    for (const std::uint64_t offset : data) ASSERT_TRUE(pwrite_all(fd_.get(), as_bytes("x"), offset, "file"));
  }
  // Offsets and sizes.
  std::optional<std::vector<std::pair<std::uint64_t, std::uint64_t>>> found(std::uint64_t size,
                                                                            std::uint64_t least = 0) {
    const auto extents = must(find_extents(fd_.get(), size, least));
    if (!extents) return std::nullopt;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
    for (const Extent& extent : *extents) pairs.emplace_back(extent.offset, extent.size);
    return pairs;
  }

  TempDir dir_;
  UniqueFd fd_;
};

TEST_F(SparseContent, AFileWithoutAHoleHasNoExtents) {
  make(0, {});
  EXPECT_EQ(found(0), std::nullopt);
  make(0, {0});
  EXPECT_EQ(found(1), std::nullopt);
}

TEST_F(SparseContent, UnitsThatAreZeroAreNoExtents) {
  make(1'000'000, {0, 4096, 500'000, 999'999});
  EXPECT_THAT(*found(1'000'000), ElementsAre(Pair(0, 8192), Pair(499'712, 4096), Pair(999'424, 576)));
}

TEST_F(SparseContent, AFileThatIsAHoleHasNoData) {
  make(1'000'000, {});
  ASSERT_NE(found(1'000'000), std::nullopt);
  EXPECT_TRUE(found(1'000'000)->empty());
}

TEST_F(SparseContent, SmallHolesAreZeros) {
  make(1'000'000, {0});
  EXPECT_NE(found(1'000'000, 995'904), std::nullopt);
  EXPECT_EQ(found(1'000'000, 995'905), std::nullopt);
  EXPECT_EQ(found(1'000'000, 1'000'001), std::nullopt);
}

TEST_F(SparseContent, WrittenZerosMakeNoDifference) {
  make(1'000'000, {300'000});
  const auto before = found(1'000'000);
  const Bytes zeros(200'000);
  ASSERT_TRUE(pwrite_all(fd_.get(), zeros, 400'000, "file"));
  EXPECT_EQ(found(1'000'000), before);
}

}  // namespace
}  // namespace layoutfs
