// Files of EROFS metadata, right and wrong.
#include "core/erofs/erofs_file.h"

#include <gtest/gtest.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::kSomeImage;

constexpr std::uint64_t kDataBlocks = 10, kInodes = 4;
const std::vector<ErofsRun> kRuns = {{0, 0, 1}, {3, 0, 4}, {9, 7, 4}};

Bytes sealed(std::span<const ErofsRun> runs, std::uint64_t data_blocks = kDataBlocks) {
  Bytes file(2 * kErofsBlockSize, std::byte{7});
  seal_erofs_file(file, runs, data_blocks, kInodes, kSomeImage, ErofsPlacement::two_devices);
  return file;
}
Result<ErofsImage> opened(Bytes file, const Digest& image = kSomeImage,
                          ErofsPlacement placement = ErofsPlacement::two_devices) {
  return open_erofs_file(SharedBytes::of(std::move(file)), image, placement);
}
std::string problem_of(const Result<ErofsImage>& result) {
  if (result) return "none";
  EXPECT_EQ(result.error().code(), Errc::corrupt);
  return result.error().message();
}

TEST(ErofsFile, ReturnsItsParts) {
  for (const std::size_t count : {0U, 1U, 2U, 3U}) {
    const std::span runs(kRuns.data(), count);
    const Bytes file = sealed(runs, count == 0 ? 0 : kDataBlocks);
    EXPECT_EQ(file.size(), erofs_file_size(2 * kErofsBlockSize, count));
    const auto image = opened(file);
    ASSERT_TRUE(image) << problem_of(image);
    EXPECT_EQ(as_text(image->metadata), std::string(2 * kErofsBlockSize, 7));
    EXPECT_EQ(image->metadata.data(), image->file.bytes.data()) << "the kernel reads the file from its start";
    ASSERT_EQ(image->runs.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(image->runs[i].block, kRuns[i].block);
      EXPECT_EQ(image->runs[i].file_block, kRuns[i].file_block);
      EXPECT_EQ(image->runs[i].inode, kRuns[i].inode);
    }
    EXPECT_EQ(image->data_blocks, count == 0 ? 0 : kDataBlocks);
    EXPECT_EQ(image->inode_count, kInodes);
  }
}

TEST(ErofsFile, EveryChangedByteIsFound) {
  const Bytes right = sealed(kRuns);
  for (std::size_t at = 0; at < right.size(); at += at < 2 * kErofsBlockSize - 100 ? 97 : 1) {
    Bytes wrong = right;
    wrong[at] ^= std::byte{1};
    EXPECT_NE(problem_of(opened(wrong)), "none") << "byte " << at;
  }
}

TEST(ErofsFile, EveryOtherSizeIsFound) {
  const Bytes right = sealed(kRuns);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{191}, std::size_t{192}, std::size_t{kErofsBlockSize}, right.size() - 8,
        right.size() - 1, right.size() + 1, right.size() + 8}) {
    Bytes wrong = right;
    wrong.resize(size);
    EXPECT_NE(problem_of(opened(wrong)), "none") << size;
  }
  Bytes shifted(kErofsBlockSize);
  shifted.insert(shifted.end(), right.begin(), right.end());
  EXPECT_EQ(problem_of(opened(shifted)), "EROFS file: wrong size");
}

TEST(ErofsFile, BelongsToOneImageAndPlacement) {
  EXPECT_EQ(problem_of(opened(sealed(kRuns), Digest::of(as_bytes("another")))),
            "EROFS file: belongs to another digest");
  EXPECT_EQ(problem_of(opened(sealed(kRuns), kSomeImage, ErofsPlacement::appended)),
            "EROFS file: wrong kind of metadata");
}

TEST(ErofsFile, RunsThatAReaderCannotFollowAreRefused) {
  using Runs = std::vector<ErofsRun>;
  const auto refused = [](const Runs& runs, std::uint64_t data_blocks = kDataBlocks) {
    return problem_of(opened(sealed(runs, data_blocks))) == "EROFS file: inconsistent tables";
  };
  EXPECT_TRUE(refused({}, 1)) << "no run covers the device";
  EXPECT_TRUE(refused({{1, 0, 1}})) << "does not begin at 0";
  EXPECT_TRUE(refused({{0, 0, 1}, {0, 0, 2}})) << "not ascending";
  EXPECT_TRUE(refused({{0, 0, 1}, {5, 0, 1}, {4, 0, 1}})) << "not ascending";
  EXPECT_TRUE(refused({{0, 0, 1}, {10, 0, 1}})) << "begins at the end of the device";
  EXPECT_TRUE(refused({{0, 0, 0}})) << "no inode";
  EXPECT_TRUE(refused({{0, 0, 5}})) << "no inode";
  EXPECT_TRUE(refused({{0, 0, 1}}, 0xFFFFFFFF)) << "more blocks than EROFS can address";
  EXPECT_FALSE(refused({{0, 0, 1}}, 0xFFFFFFFE));
}

}  // namespace
}  // namespace layoutfs
