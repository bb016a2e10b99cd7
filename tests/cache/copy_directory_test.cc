// The files of decoded copies: never visible incomplete, within the budget, without leftovers.
#include "core/cache/copy_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::TempDir;

Digest digest_of(std::string_view name) { return Digest::of(as_bytes(name)); }

class Copies : public ::testing::Test {
 protected:
  // A copy of `size` bytes that was used `age` seconds ago.
  void add(std::string_view name, std::size_t size, int age) {
    auto copy = directory_.create(digest_of(name));
    ASSERT_TRUE(copy) << copy.error().message();
    ASSERT_TRUE(write_all(copy->file()->get(), Bytes(size), "copy"));
    ASSERT_TRUE(directory_.publish(*copy, digest_of(name)));
    set_age(path_of(name), age);
  }
  void set_age(const std::string& path, int age) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const timespec then{now.tv_sec - age, 0};
    const timespec times[2] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0) << path;
  }
  std::string folder() const { return dir_ / "decoded/sha256"; }
  std::string path_of(std::string_view name) const { return folder() + "/" + digest_of(name).hex(); }
  bool is_there(std::string_view name) const { return std::filesystem::exists(path_of(name)); }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder()),
                         std::filesystem::directory_iterator());
  }

  TempDir dir_;
  CopyDirectory directory_{std::make_shared<const CacheDirectory>(dir_.path()), {.budget = 1'000}};
};

TEST_F(Copies, OneIsSeenWhenItIsPublished) {
  {
    auto copy = directory_.create(digest_of("a"));
    ASSERT_TRUE(copy);
    ASSERT_TRUE(write_all(copy->file()->get(), as_bytes("content"), "copy"));
    EXPECT_EQ(directory_.open(digest_of("a")).error().code(), Errc::not_found);
    ASSERT_TRUE(directory_.publish(*copy, digest_of("a")));
  }
  const auto file = directory_.open(digest_of("a"));
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(as_text(read_all(file->get(), "copy", 100).value()), "content");
  EXPECT_EQ(files(), 1);
  struct stat status{};
  ASSERT_EQ(::stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(Copies, OneThatIsNotPublishedLeavesNothing) {
  {
    ASSERT_TRUE(directory_.create(digest_of("a")));
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(Copies, WhatWasUsedLeastRecentlyGoesFirst) {
  add("old", 300, 50);
  add("older", 300, 60);
  add("new", 300, 40);
  directory_.make_room();
  EXPECT_EQ(files(), 3) << "they keep the budget";
  const auto used = directory_.open(digest_of("older"));
  ASSERT_TRUE(used);
  add("newest", 300, 30);
  directory_.make_room();
  EXPECT_FALSE(is_there("old"));
  EXPECT_TRUE(is_there("older"));
  EXPECT_TRUE(is_there("new"));
  EXPECT_TRUE(is_there("newest"));
}

TEST_F(Copies, WhatIsBeingWrittenCounts) {
  add("a", 600, 10);
  const auto copy = directory_.create(digest_of("b"));
  ASSERT_TRUE(copy);
  ASSERT_TRUE(write_all(copy->file()->get(), Bytes(600), "copy"));
  directory_.make_room();
  EXPECT_FALSE(is_there("a"));
  EXPECT_EQ(files(), 1) << "and is not removed itself";
}

TEST_F(Copies, TheUserOfACopyIsToldThatItWasRemoved) {
  add("a", 10, 10);
  const auto file = directory_.open(digest_of("a"));
  ASSERT_TRUE(file);
  EXPECT_TRUE(CacheDirectory::use(file->get()));
  directory_.remove(digest_of("a"));
  EXPECT_FALSE(CacheDirectory::use(file->get()));
}

TEST_F(Copies, WhatCrashedWritersLeftIsRemoved) {
  add("a", 10, 10);
  testing::write_file(folder() + "/.tmp-0123456789abcdef", "half a copy");
  directory_.make_room();
  EXPECT_EQ(files(), 1);
  EXPECT_TRUE(is_there("a"));
}

TEST_F(Copies, WhatOthersCouldHaveWrittenIsIgnored) {
  add("a", 10, 10);
  ASSERT_EQ(::chmod(path_of("a").c_str(), 0666), 0);
  EXPECT_EQ(directory_.open(digest_of("a")).error().code(), Errc::invalid_argument);
  ASSERT_EQ(::chmod(path_of("a").c_str(), 0600), 0);
  EXPECT_TRUE(directory_.open(digest_of("a")));
  std::filesystem::rename(path_of("a"), dir_ / "elsewhere");
  std::filesystem::create_symlink(dir_ / "elsewhere", path_of("a"));
  EXPECT_FALSE(directory_.open(digest_of("a")));
  std::filesystem::remove(path_of("a"));
  ASSERT_EQ(::mkfifo(path_of("a").c_str(), 0600), 0);
  EXPECT_FALSE(directory_.open(digest_of("a")));
}

TEST_F(Copies, AnUnwritableDirectoryIsWarnedOfOnce) {
  testing::write_file(dir_ / "file", "not a directory");
  CopyDirectory directory(std::make_shared<const CacheDirectory>(dir_ / "file"), {.budget = 1'000});
  const auto failed = directory.create(digest_of("a"));
  ASSERT_FALSE(failed);
  ::testing::internal::CaptureStderr();
  directory.give_up(failed.error());
  directory.give_up(failed.error());
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_TRUE(directory.is_given_up());
}

}  // namespace
}  // namespace layoutfs
