// The cache directory as a whole: kinds, handles, leftover files, budget, and concurrent changes.
#include "core/cache/cache_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/other_user.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Digest kCachedDigest = Digest::of(as_bytes("blob"));

std::string cached_text(const CacheDirectory& cache, CacheKind kind, const Digest& digest = kCachedDigest) {
  const auto found = cache.map(kind, digest);
  return found ? std::string(as_text(found->bytes)) : "nothing";
}

std::vector<std::string> cached_names(const CacheDirectory& cache, CacheKind kind) {
  std::vector<std::string> names;
  const std::vector<CachedFile> files = cache.list(kind).value();
  for (const CachedFile& file : files) names.push_back(file.name);
  return names;
}

void set_write_age(const std::string& path, std::chrono::minutes age) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age);
}

// Existing caches stay valid: the names of the folders must not change.
TEST(CacheDirectory, EachKindHasItsFolder) {
  std::vector<std::string_view> names;
  for (const CacheKind kind : kCacheKinds) names.push_back(name_of(kind));
  EXPECT_THAT(names, ElementsAre("layers", "layer-trees", "images", "stacks", "tar-split", "erofs",
                                 "erofs-files", "layer-erofs", "decoded", "remote", "remote-ranges"));
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  for (const CacheKind kind : kCacheKinds) {
    ASSERT_TRUE(cache.store(kind, kCachedDigest, as_bytes(name_of(kind))));
    EXPECT_TRUE(std::filesystem::exists(
        temp / ("cache/" + std::string(name_of(kind)) + "/sha256/" + kCachedDigest.hex())));
  }
  for (const CacheKind kind : kCacheKinds) {
    EXPECT_EQ(cached_text(cache, kind), name_of(kind));
    EXPECT_THAT(cached_names(cache, kind), ElementsAre(kCachedDigest.hex()));
    const auto size = cache.list(kind).value().front().size;
    EXPECT_EQ(cache.remove(kind, kCachedDigest).value(), size);
    EXPECT_THAT(cached_names(cache, kind), IsEmpty());
  }
}

TEST(CacheDirectory, NothingIsTouchedBeforeSomethingIsStored) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  EXPECT_EQ(cache.map(CacheKind::layer_index, kCachedDigest).error().code(), Errc::not_found);
  EXPECT_EQ(cache.open_file(kBlobInfoFile).error().code(), Errc::not_found);
  EXPECT_EQ(cache.remove(CacheKind::layer_index, kCachedDigest).value(), std::nullopt);
  cache.make_room(CacheBudget::decoded_copies, 0);
  EXPECT_FALSE(std::filesystem::exists(temp / "cache"));
}

TEST(CacheDirectory, IsMadeAgainIfItIsRemovedWhileItIsOpen) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kCachedDigest, as_bytes("one")));
  std::filesystem::remove_all(temp / "cache");
  EXPECT_EQ(cached_text(cache, CacheKind::layer_index), "nothing");
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kCachedDigest, as_bytes("two")));
  EXPECT_EQ(cached_text(CacheDirectory(temp / "cache"), CacheKind::layer_index), "two");
}

TEST(CacheDirectory, AFolderThatOthersCanWriteByNowIsNotUsed) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kCachedDigest, as_bytes("one")));
  for (const char* folder : {"cache/layers/sha256", "cache/layers", "cache"}) {
    const std::string path = temp / folder;
    ASSERT_EQ(::chmod(path.c_str(), 0777), 0);
    // A process that begins now checks all of them.
    EXPECT_EQ(cached_text(CacheDirectory(temp / "cache"), CacheKind::layer_index), "nothing") << folder;
    EXPECT_FALSE(
        CacheDirectory(temp / "cache").store(CacheKind::layer_index, kCachedDigest, as_bytes("two")));
    ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  }
  ASSERT_EQ(::chmod((temp / "cache/layers/sha256").c_str(), 0777), 0);
  EXPECT_EQ(cached_text(cache, CacheKind::layer_index), "nothing");
  ASSERT_EQ(::chmod((temp / "cache/layers/sha256").c_str(), 0700), 0);
  EXPECT_EQ(cached_text(cache, CacheKind::layer_index), "one");
}

// If others can replace a parent directory, they control the content of the cache.
TEST(CacheDirectory, OneBelowADirectoryOfAnotherUserIsNotUsed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  const TempDir temp;
  ASSERT_EQ(::chmod(temp.path().c_str(), 0755), 0);
  std::filesystem::create_directory(temp / "shared");
  ASSERT_EQ(::chmod((temp / "shared").c_str(), 0777), 0);
  {
    const AsNobody nobody;
    std::filesystem::create_directories(temp / "shared/theirs/cache");
  }
  const auto refused = [&](const std::string& path) {
    const auto stored =
        CacheDirectory(path).store(CacheKind::layer_index, kCachedDigest, as_bytes("content"));
    return stored ? std::string() : stored.error().message();
  };
  ASSERT_EQ(::chown((temp / "shared/theirs/cache").c_str(), 0, 0), 0);
  EXPECT_THAT(refused(temp / "shared/theirs/cache"), HasSubstr("others can write"));
  ASSERT_EQ(::chmod((temp / "shared").c_str(), 01777), 0);
  EXPECT_THAT(refused(temp / "shared/theirs/cache"), HasSubstr("belongs to another user"));
  EXPECT_EQ(refused(temp / "shared/ours"), "");
}

TEST(CacheDirectory, LeftoverFilesOfEachKindAreRemoved) {
  const TempDir temp;
  const std::string name = "/.tmp-0123456789abcdef";
  const CacheDirectory cache(temp / "cache");
  for (const CacheKind kind : kCacheKinds) {
    const std::string folder = temp / ("cache/" + std::string(name_of(kind)) + "/sha256");
    ASSERT_TRUE(cache.store(kind, kCachedDigest, as_bytes("content")));
    write_file(folder + name, "half a file");
    set_write_age(folder + name, std::chrono::minutes(61));
    EXPECT_THAT(cached_names(cache, kind), ElementsAre(kCachedDigest.hex()));
    EXPECT_FALSE(std::filesystem::exists(folder + name));
    // A process that stores a file removes it too.
    write_file(folder + name, "half a file");
    set_write_age(folder + name, std::chrono::minutes(61));
    ASSERT_TRUE(CacheDirectory(temp / "cache").store(kind, kCachedDigest, as_bytes("content")));
    EXPECT_FALSE(std::filesystem::exists(folder + name));
  }
}

TEST(CacheDirectory, AFileThatIsBeingWrittenIsNotALeftover) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache"), other(temp / "cache");
  auto file = cache.create(CacheKind::decoded_copy, kCachedDigest);
  ASSERT_TRUE(file);
  for (const auto& entry : std::filesystem::directory_iterator(temp / "cache/decoded/sha256"))
    set_write_age(entry.path(), std::chrono::minutes(600));
  other.make_room(CacheBudget::decoded_copies, 0);
  ASSERT_TRUE(cache.publish(*file, kCachedDigest));
  EXPECT_THAT(cached_names(other, CacheKind::decoded_copy), ElementsAre(kCachedDigest.hex()));
}

TEST(CacheDirectory, OnlyFilesUnderTheBudgetMakeRoom) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  const auto is_remote = [](CacheKind kind) {
    return kind == CacheKind::remote_blob || kind == CacheKind::remote_ranges;
  };
  for (const CacheKind kind : kCacheKinds) ASSERT_TRUE(cache.store(kind, kCachedDigest, as_bytes("content")));
  cache.make_room(CacheBudget::decoded_copies, 0);
  for (const CacheKind kind : kCacheKinds)
    EXPECT_EQ(cached_text(cache, kind), kind == CacheKind::decoded_copy ? "nothing" : "content");
  cache.make_room(CacheBudget::remote_blobs, 0);
  for (const CacheKind kind : kCacheKinds)
    EXPECT_EQ(cached_text(cache, kind),
              kind == CacheKind::decoded_copy || is_remote(kind) ? "nothing" : "content");
}

TEST(CacheDirectory, OnlyTheBlocksOfASparseFileCount) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  for (const CacheKind kind : {CacheKind::remote_blob, CacheKind::remote_ranges}) {
    ASSERT_TRUE(cache.store(kind, kCachedDigest, as_bytes("content")));
    std::filesystem::resize_file(
        temp / ("cache/" + std::string(name_of(kind)) + "/sha256/" + kCachedDigest.hex()), 1 << 30);
    EXPECT_LT(cache.list(kind).value().front().size, 1u << 20);
  }
  cache.make_room(CacheBudget::remote_blobs, 1 << 20);
  EXPECT_THAT(cached_names(cache, CacheKind::remote_blob), ElementsAre(kCachedDigest.hex()));
}

TEST(CacheDirectory, AFileMovesToAnotherKindUnlessItWasRemoved) {
  const TempDir temp;
  const CacheDirectory cache(temp / "cache");
  const auto move = [&] {
    const auto file = cache.open_for_update(CacheKind::remote_ranges, kCachedDigest);
    return cache.move(file->get(), CacheKind::remote_ranges, CacheKind::remote_blob, kCachedDigest);
  };
  ASSERT_TRUE(cache.store(CacheKind::remote_ranges, kCachedDigest, as_bytes("one")));
  ASSERT_TRUE(move());
  EXPECT_EQ(cached_text(cache, CacheKind::remote_blob), "one");
  EXPECT_EQ(cached_text(cache, CacheKind::remote_ranges), "nothing");
  ASSERT_TRUE(cache.store(CacheKind::remote_ranges, kCachedDigest, as_bytes("two")));
  ASSERT_TRUE(move());
  EXPECT_EQ(cached_text(cache, CacheKind::remote_blob), "one");
  EXPECT_EQ(cached_text(cache, CacheKind::remote_ranges), "nothing");

  ASSERT_TRUE(cache.store(CacheKind::remote_ranges, kCachedDigest, as_bytes("three")));
  const auto file = cache.open_for_update(CacheKind::remote_ranges, kCachedDigest);
  ASSERT_TRUE(cache.remove(CacheKind::remote_ranges, kCachedDigest));
  ASSERT_TRUE(cache.remove(CacheKind::remote_blob, kCachedDigest));
  EXPECT_EQ(
      cache.move(file->get(), CacheKind::remote_ranges, CacheKind::remote_blob, kCachedDigest).error().code(),
      Errc::not_found);
  EXPECT_EQ(cached_text(cache, CacheKind::remote_blob), "nothing");
}

}  // namespace
}  // namespace layoutfs::testing
