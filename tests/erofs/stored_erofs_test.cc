// EROFS metadata in the cache directory.
#include "core/erofs/stored_erofs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/erofs/erofs_file.h"
#include "tests/image/merged.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::kSomeImage;
using testing::TarWriter;
using testing::TempDir;

constexpr ErofsPlacement kPlacements[] = {ErofsPlacement::appended, ErofsPlacement::two_devices};

class StoredErofsTest : public ::testing::Test {
 protected:
  std::string folder_of(ErofsPlacement placement) const {
    return temp_ /
           (placement == ErofsPlacement::appended ? "cache/erofs-files/sha256/" : "cache/erofs/sha256/");
  }
  std::string path_of(ErofsPlacement placement) const { return folder_of(placement) + kSomeImage.hex(); }
  StoredErofs open(ErofsPlacement placement) const {
    IndexCache cache(temp_ / "cache");
    return open_erofs(cache, *tree_, kSomeImage, placement).value();
  }
  // Reads from the descriptor, as the kernel does.
  static std::string content_of(const StoredErofs& stored) {
    std::string content(stored.image->metadata.size(), '\0');
    const auto got = pread_full(stored.file.get(), std::as_writable_bytes(std::span(content)), 0);
    EXPECT_EQ(got.value(), content.size());
    return content;
  }
  std::string expected(ErofsPlacement placement) const {
    return std::string(as_text(make_erofs(*tree_, kSomeImage, placement)->metadata));
  }
  bool is_right(const StoredErofs& stored, ErofsPlacement placement) const {
    return as_text(stored.image->metadata) == expected(placement) && stored.image->data_blocks == 4 &&
           stored.image->runs.size() == 2;
  }

  TempDir temp_;
  const std::shared_ptr<const ImageTree> tree_ =
      testing::merged({TarWriter().file("a", std::string(5000, 'a')).file("b", std::string(8000, 'b'))});
};

TEST_F(StoredErofsTest, IsMadeOnceAndLoadedAgain) {
  for (const ErofsPlacement placement : kPlacements) {
    const StoredErofs made = open(placement);
    EXPECT_TRUE(is_right(made, placement));
    EXPECT_EQ(content_of(made), expected(placement));
    const auto written = std::filesystem::last_write_time(path_of(placement));
    const StoredErofs loaded = open(placement);
    EXPECT_TRUE(is_right(loaded, placement));
    EXPECT_EQ(content_of(loaded), expected(placement));
    EXPECT_EQ(std::filesystem::last_write_time(path_of(placement)), written);
  }
}

TEST_F(StoredErofsTest, TheDescriptorIsThatOfTheVerifiedFile) {
  const StoredErofs stored = open(ErofsPlacement::two_devices);
  std::filesystem::remove(path_of(ErofsPlacement::two_devices));
  testing::write_file(path_of(ErofsPlacement::two_devices), "another");
  EXPECT_EQ(content_of(stored), expected(ErofsPlacement::two_devices));
}

TEST_F(StoredErofsTest, AnUnusableFileIsReplaced) {
  for (const ErofsPlacement placement : kPlacements) {
    open(placement);
    const auto replaced_by = [&](const std::string& content) {
      std::filesystem::remove(path_of(placement));
      testing::write_file(path_of(placement), content);
      const StoredErofs stored = open(placement);
      return is_right(stored, placement) && content_of(stored) == expected(placement) &&
             IndexCache(temp_ / "cache").load(cache_kind_of(placement), kSomeImage)->bytes.size() ==
                 stored.image->file.bytes.size();
    };
    std::string right(as_text(open(placement).image->file.bytes));
    EXPECT_TRUE(replaced_by(""));
    EXPECT_TRUE(replaced_by(right.substr(0, right.size() - 1)));
    right[2000] ^= 1;
    EXPECT_TRUE(replaced_by(right));
  }
}

TEST_F(StoredErofsTest, AFileOfAnotherTreeIsReplaced) {
  const auto other = testing::merged({TarWriter().file("other")});
  IndexCache cache(temp_ / "cache");
  ASSERT_TRUE(open_erofs(cache, *other, kSomeImage, ErofsPlacement::appended));
  EXPECT_TRUE(is_right(open(ErofsPlacement::appended), ErofsPlacement::appended));
}

TEST_F(StoredErofsTest, AFileThatOthersCouldHaveWrittenIsNotUsed) {
  open(ErofsPlacement::appended);
  std::filesystem::permissions(path_of(ErofsPlacement::appended), std::filesystem::perms(0666));
  const IndexCache cache(temp_ / "cache");
  EXPECT_EQ(open_cached_erofs(cache, kSomeImage, ErofsPlacement::appended).error().code(),
            Errc::invalid_argument);
  EXPECT_TRUE(is_right(open(ErofsPlacement::appended), ErofsPlacement::appended));
  EXPECT_TRUE(open_cached_erofs(cache, kSomeImage, ErofsPlacement::appended));
}

TEST_F(StoredErofsTest, WithoutACacheItIsInMemory) {
  IndexCache none;
  const auto stored = open_erofs(none, *tree_, kSomeImage, ErofsPlacement::appended).value();
  EXPECT_TRUE(is_right(stored, ErofsPlacement::appended));
  EXPECT_FALSE(stored.file);
  EXPECT_EQ(open_cached_erofs(none, kSomeImage, ErofsPlacement::appended).error().code(), Errc::not_found);

  testing::write_file(temp_ / "cache", "not a directory");
  IndexCache cache(temp_ / "cache");
  const auto kept = open_erofs(cache, *tree_, kSomeImage, ErofsPlacement::appended).value();
  EXPECT_TRUE(is_right(kept, ErofsPlacement::appended));
  EXPECT_FALSE(kept.file);
  EXPECT_TRUE(cache.write_failure());
  IndexCache required(temp_ / "cache", IndexCache::Keeping::required);
  EXPECT_FALSE(open_erofs(required, *tree_, kSomeImage, ErofsPlacement::appended));
}

TEST_F(StoredErofsTest, AnImageThatEROFSCannotStoreLeavesNoFile) {
  const auto tree = testing::merged({TarWriter().device("c", '3', 4096, 0)});
  IndexCache cache(temp_ / "cache");
  EXPECT_EQ(open_erofs(cache, *tree, kSomeImage, ErofsPlacement::appended).error().code(), Errc::unsupported);
  EXPECT_FALSE(std::filesystem::exists(folder_of(ErofsPlacement::appended)));
}

}  // namespace
}  // namespace layoutfs
