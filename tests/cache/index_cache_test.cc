// Index files on disk: stored, shared, ignored if others may have written them, and optional if the directory
// is not writable.
#include "core/cache/index_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/user_namespace.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

const Digest kDigest = Digest::of(as_bytes("blob"));

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

std::string loaded(const IndexCache& cache, const Digest& digest = kDigest) {
  const auto found = cache.load(CacheKind::layer_index, digest);
  return found ? std::string(as_text(found->bytes)) : "nothing";
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::string file_in(const std::string& directory) { return directory + "/layers/sha256/" + kDigest.hex(); }

TEST(IndexCache, KeepsWhatIsStoredInDirectoriesOfItsOwn) {
  const TempDir temp;
  const std::string directory = temp / "missing/too";
  EXPECT_EQ(loaded(IndexCache(directory)), "nothing");
  EXPECT_EQ(
      as_text(
          IndexCache(directory).store(CacheKind::layer_index, kDigest, bytes_of("content")).value().bytes),
      "content");
  EXPECT_EQ(loaded(IndexCache(directory)), "content");
  EXPECT_EQ(mode_of(directory), 0700u);
  EXPECT_EQ(mode_of(directory + "/layers/sha256"), 0700u);
  EXPECT_FALSE(IndexCache(directory).load(CacheKind::image_tree, kDigest).has_value());
  EXPECT_EQ(loaded(IndexCache(directory), Digest::of({})), "nothing");
}

TEST(IndexCache, ReplacesAnOlderFile) {
  const TempDir temp;
  IndexCache cache(temp.path());
  const SharedBytes old = cache.store(CacheKind::layer_index, kDigest, bytes_of("old")).value();
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kDigest, bytes_of("new")).has_value());
  EXPECT_EQ(loaded(cache), "new");
  EXPECT_EQ(as_text(old.bytes), "old");
}

TEST(IndexCache, WithoutADirectoryKeepsNothing) {
  IndexCache cache;
  EXPECT_EQ(as_text(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).value().bytes),
            "content");
  EXPECT_EQ(loaded(cache), "nothing");
}

TEST(IndexCache, WarnsOnceWhereItCannotWriteAndGoesOnInMemory) {
  const TempDir temp;
  write_file(temp / "file", "not a directory");
  IndexCache cache(temp / "file/below");
  ::testing::internal::CaptureStderr();
  const IndexCache copy = cache;
  EXPECT_EQ(as_text(cache.store(CacheKind::layer_index, kDigest, bytes_of("one")).value().bytes), "one");
  EXPECT_EQ(as_text(IndexCache(copy).store(CacheKind::layer_index, kDigest, bytes_of("two")).value().bytes),
            "two");
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_EQ(loaded(cache), "nothing");
}

TEST(IndexCache, IgnoresFilesThatOthersCouldHaveWritten) {
  const TempDir temp;
  IndexCache cache(temp.path());
  const std::string file = file_in(temp.path()), directory = temp / "layers/sha256";
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).has_value());
  for (const unsigned mode : {0620u, 0602u, 0666u}) {
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
    EXPECT_EQ(loaded(cache), "nothing") << mode;
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_EQ(loaded(cache), "content");
  ASSERT_EQ(::chmod(directory.c_str(), 0777), 0);
  EXPECT_EQ(loaded(cache), "nothing");
  ASSERT_EQ(::chmod(directory.c_str(), 0700), 0);
}

TEST(IndexCache, IgnoresFilesOfOthers) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give a file away";
  const TempDir temp;
  IndexCache cache(temp.path());
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).has_value());
  ASSERT_EQ(loaded(cache), "content");
  ASSERT_EQ(::chown(file_in(temp.path()).c_str(), 1234, 1234), 0);
  EXPECT_EQ(loaded(cache), "nothing");
}

TEST(IndexCache, FollowsNoSymlinkAndOpensNoPipe) {
  const TempDir temp;
  IndexCache cache(temp.path());
  const std::string file = file_in(temp.path());
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).has_value());
  ASSERT_EQ(::rename(file.c_str(), (temp / "elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink((temp / "elsewhere").c_str(), file.c_str()), 0);
  EXPECT_EQ(loaded(cache), "nothing");
  ASSERT_EQ(::unlink(file.c_str()), 0);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(loaded(cache), "nothing");
}

TEST(IndexCache, ManyThreadsMayStoreAndLoadTheSameFile) {
  const TempDir temp;
  IndexCache cache(temp.path());
  const std::string content(100'000, 'c');
  std::vector<std::string> results(8);
  {
    std::vector<std::jthread> threads;
    for (std::string& result : results) {
      threads.emplace_back([&result, &content, cache]() mutable {
        const SharedBytes stored = cache.store(CacheKind::layer_index, kDigest, bytes_of(content)).value();
        result = as_text(stored.bytes) == content ? loaded(cache) : "torn";
      });
    }
  }
  for (const std::string& result : results) EXPECT_TRUE(result == content);
}

TEST(IndexCache, WhereKeepingIsRequiredWhatCannotBeWrittenIsAnError) {
  const TempDir temp;
  write_file(temp / "file", "not a directory");
  for (const std::string& directory : {temp / "file/below", std::string()}) {
    IndexCache cache(directory, IndexCache::Keeping::required);
    EXPECT_FALSE(cache.write_failure());
    ::testing::internal::CaptureStderr();
    const auto stored = cache.store(CacheKind::layer_index, kDigest, bytes_of("content"));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
    ASSERT_FALSE(stored);
    ASSERT_TRUE(cache.write_failure());
    EXPECT_EQ(cache.write_failure()->message(), stored.error().message());
    EXPECT_FALSE(cache.prepare(CacheKind::layer_index, kDigest));
  }
  IndexCache cache(temp / "new", IndexCache::Keeping::required);
  EXPECT_TRUE(cache.prepare(CacheKind::layer_index, kDigest));
  EXPECT_EQ(as_text(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).value().bytes),
            "content");
  EXPECT_FALSE(cache.write_failure());
}

TEST(IndexCache, PrepareFindsOutWithoutAnythingToStore) {
  const TempDir temp;
  write_file(temp / "file", "not a directory");
  IndexCache required(temp / "file/below", IndexCache::Keeping::required);
  EXPECT_FALSE(required.prepare(CacheKind::layer_index, kDigest));
  EXPECT_TRUE(required.write_failure());
  IndexCache tolerant(temp / "file/below");
  EXPECT_TRUE(tolerant.prepare(CacheKind::layer_index, kDigest));
}

TEST(IndexCache, RemovesAFileWhateverItHolds) {
  const TempDir temp;
  IndexCache cache(temp.path());
  EXPECT_EQ(cache.remove(CacheKind::layer_index, kDigest).value(), std::nullopt);
  const SharedBytes mapped = cache.store(CacheKind::layer_index, kDigest, bytes_of("content")).value();
  EXPECT_EQ(cache.remove(CacheKind::image_tree, kDigest).value(), std::nullopt);
  EXPECT_EQ(cache.remove(CacheKind::layer_index, kDigest).value(), 7u);
  EXPECT_EQ(cache.remove(CacheKind::layer_index, kDigest).value(), std::nullopt);
  EXPECT_EQ(loaded(cache), "nothing");
  EXPECT_EQ(as_text(mapped.bytes), "content");
  write_file(temp / "elsewhere", "kept");
  ASSERT_EQ(::symlink((temp / "elsewhere").c_str(), file_in(temp.path()).c_str()), 0);
  EXPECT_TRUE(cache.remove(CacheKind::layer_index, kDigest).value());
  EXPECT_TRUE(std::filesystem::exists(temp / "elsewhere"));
  std::filesystem::create_directory(file_in(temp.path()));
  EXPECT_FALSE(cache.remove(CacheKind::layer_index, kDigest));
}

TEST(IndexCache, TellsWhatIsNotThereFromWhatCannotBeUsed) {
  const TempDir temp;
  IndexCache cache(temp / "cache");
  const auto code = [&] { return cache.load(CacheKind::layer_index, kDigest).error().code(); };
  EXPECT_EQ(code(), Errc::not_found);
  ASSERT_TRUE(cache.store(CacheKind::layer_index, kDigest, bytes_of("content")));
  ASSERT_EQ(::chmod(file_in(temp / "cache").c_str(), 0666), 0);
  EXPECT_EQ(code(), Errc::invalid_argument);
}

TEST(IndexCache, WhatKilledWritersLeftIsRemovedOnceItIsOld) {
  const TempDir temp;
  const std::string directory = temp / "layers/sha256/";
  IndexCache(temp.path()).store(CacheKind::layer_index, Digest::of({}), bytes_of("other")).value();
  const std::vector<std::string> kept = {".tmp-0123456789abcdef", ".tmp-mine", "notes", kDigest.hex()};
  for (const std::string& name : kept) write_file(directory + name, "x");
  write_file(directory + ".tmp-0000000000000000", "half of an in");
  for (const std::string& name : {kept[1], kept[2], kept[3], std::string(".tmp-0000000000000000")})
    std::filesystem::last_write_time(directory + name,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  IndexCache(temp.path()).store(CacheKind::layer_index, Digest::of(as_bytes("new")), bytes_of("new")).value();
  for (const std::string& name : kept) EXPECT_TRUE(std::filesystem::exists(directory + name)) << name;
  EXPECT_FALSE(std::filesystem::exists(directory + ".tmp-0000000000000000"));
}

TEST(IndexCache, TheDefaultDirectoryFollowsTheEnvironment) {
  const bool is_system_root = ::geteuid() == 0 && is_first_user_namespace();
  ASSERT_EQ(::setenv("LAYOUTFS_CACHE_DIR", "/some/where", 1), 0);
  EXPECT_EQ(IndexCache::default_directory(), "/some/where");
  ASSERT_EQ(::unsetenv("LAYOUTFS_CACHE_DIR"), 0);
  ASSERT_EQ(::setenv("XDG_CACHE_HOME", "/xdg", 1), 0);
  EXPECT_EQ(IndexCache::default_directory(), is_system_root ? "/var/cache/layoutfs" : "/xdg/layoutfs");
  ASSERT_EQ(::unsetenv("XDG_CACHE_HOME"), 0);
  ASSERT_EQ(::setenv("HOME", "/home/me", 1), 0);
  EXPECT_EQ(IndexCache::default_directory(),
            is_system_root ? "/var/cache/layoutfs" : "/home/me/.cache/layoutfs");
}

}  // namespace
}  // namespace layoutfs::testing
