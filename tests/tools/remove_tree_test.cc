// Removal of trees with odd names, modes and depths.
#include "tools/chroot/remove_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "core/base/file.h"
#include "tests/support/other_user.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::tools {
namespace {

using testing::TempDir;
using testing::write_file;

class RemoveTree : public ::testing::Test {
 protected:
  Status remove(const std::string& name, MountCheck check = MountCheck::by_openat2) {
    return remove_tree(parent_.get(), name, check);
  }
  bool exists(const std::string& path) {
    return std::filesystem::symlink_status(dir_ / path).type() != std::filesystem::file_type::not_found;
  }

  TempDir dir_;
  UniqueFd parent_ = open_at(AT_FDCWD, dir_ / ".", O_RDONLY | O_DIRECTORY).value();
};

TEST_F(RemoveTree, RemovesFilesOfAllKinds) {
  std::filesystem::create_directories(dir_ / "tree/a/b");
  write_file(dir_ / "tree/a/b/file", "x");
  ASSERT_EQ(::mkfifo((dir_ / "tree/pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", dir_ / "tree/link");
  write_file(dir_ / "other", "x");
  const auto removed = remove("tree");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(exists("tree"));
  EXPECT_TRUE(exists("other"));
}

TEST_F(RemoveTree, FollowsNoSymlinks) {
  std::filesystem::create_directories(dir_ / "outside");
  write_file(dir_ / "outside/file", "x");
  std::filesystem::create_directories(dir_ / "tree");
  std::filesystem::create_symlink("../outside", dir_ / "tree/link");
  std::filesystem::create_symlink("tree", dir_ / "alias");
  EXPECT_FALSE(remove("alias"));
  EXPECT_TRUE(exists("tree/link"));
  EXPECT_TRUE(remove("tree"));
  EXPECT_FALSE(exists("tree"));
  EXPECT_TRUE(exists("outside/file"));
}

TEST_F(RemoveTree, RemovesTreesThatAreDeeperThanTheLimitOfDescriptors) {
  constexpr int kDepth = 200;
  UniqueFd at = open_at(parent_.get(), ".", O_RDONLY | O_DIRECTORY).value();
  for (int depth = 0; depth < kDepth; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
    at = open_at(at.get(), "d", O_RDONLY | O_DIRECTORY).value();
  }
  rlimit limit, few;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  few = limit;
  few.rlim_cur = kDepth / 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto removed = remove("d");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(exists("d"));
}

TEST_F(RemoveTree, RemovesDirectoriesThatTheirOwnerMayNotRead) {
  std::filesystem::create_directories(dir_ / "tree");
  std::filesystem::permissions(dir_ / ".", std::filesystem::perms::all);
  std::filesystem::permissions(dir_ / "tree", std::filesystem::perms::all);
  const testing::AsNobody nobody;
  std::filesystem::create_directories(dir_ / "tree/own/work");
  write_file(dir_ / "tree/own/file", "x");
  ASSERT_EQ(::chmod((dir_ / "tree/own/work").c_str(), 0), 0);
  ASSERT_EQ(::chmod((dir_ / "tree/own").c_str(), 0500), 0);
  const UniqueFd tree = open_at(AT_FDCWD, dir_ / "tree", O_RDONLY | O_DIRECTORY).value();
  const auto removed = remove_tree(tree.get(), "own");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(exists("tree/own"));
}

TEST_F(RemoveTree, RemovesTheRestOfATreeWithFilesOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directories(dir_ / "tree");
  std::filesystem::create_directories(dir_ / "tree/roots");
  write_file(dir_ / "tree/roots/file", "x");
  std::filesystem::permissions(dir_ / ".", std::filesystem::perms::all);
  std::filesystem::permissions(dir_ / "tree", std::filesystem::perms::all);
  const testing::AsNobody nobody;
  write_file(dir_ / "tree/mine", "x");
  const auto removed = remove("tree");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().sys(), EACCES);
  EXPECT_TRUE(exists("tree/roots/file"));
  EXPECT_FALSE(exists("tree/mine"));
}

TEST_F(RemoveTree, EntersNoMounts) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    GTEST_SKIP() << "cannot make a mount namespace here";
  parent_ = open_at(AT_FDCWD, dir_ / ".", O_RDONLY | O_DIRECTORY).value();  // in that namespace
  std::filesystem::create_directories(dir_ / "outside");
  write_file(dir_ / "outside/file", "x");
  for (const MountCheck check : {MountCheck::by_openat2, MountCheck::by_number}) {
    std::filesystem::create_directories(dir_ / "tree/mounted");
    std::filesystem::create_directories(dir_ / "tree/directory");
    write_file(dir_ / "tree/directory/file", "x");
    // Of the same file system.
    ASSERT_EQ(::mount((dir_ / "outside").c_str(), (dir_ / "tree/mounted").c_str(), "", MS_BIND, nullptr), 0);
    const auto removed = remove("tree", check);
    const bool is_kept = exists("outside/file") && exists("tree/mounted/file");
    const bool is_rest_removed = !exists("tree/directory");
    ASSERT_EQ(::umount((dir_ / "tree/mounted").c_str()), 0);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().sys(), EXDEV);
    EXPECT_TRUE(is_kept);
    EXPECT_TRUE(is_rest_removed);
    EXPECT_TRUE(remove("tree", check));
    EXPECT_FALSE(exists("tree"));
  }
}

TEST_F(RemoveTree, ReturnsTheFirstErrorIfADirectoryIsMoved) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  using std::filesystem::perms;
  constexpr int kFiles = 200, kAttempts = 20;
  std::filesystem::permissions(dir_ / ".", perms::all);
  bool is_moved = false;
  for (int attempt = 0; attempt < kAttempts && !is_moved; ++attempt) {
    const std::string tree = "tree" + std::to_string(attempt), inner = dir_ / (tree + "/inner");
    std::filesystem::create_directories(inner);
    write_file(inner + "/roots", "x");  // another user cannot remove it
    std::filesystem::permissions(dir_ / tree, perms::all);
    std::filesystem::permissions(inner, perms::all | perms::sticky_bit);
    const testing::AsNobody nobody;
    write_file(inner + "/first", "x");
    std::filesystem::create_directories(inner + "/many");
    for (int file = 0; file < kFiles; ++file) write_file(inner + "/many/" + std::to_string(file), "");
    auto removed = std::async(std::launch::async, [&] { return remove(tree); });
    while (std::filesystem::exists(inner + "/first")) std::this_thread::yield();
    is_moved = ::rename(inner.c_str(), (dir_ / ("moved" + std::to_string(attempt))).c_str()) == 0 &&
               exists("moved" + std::to_string(attempt) + "/many");
    const Status status = removed.get();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().sys(), EPERM) << status.error().message();
  }
  EXPECT_TRUE(is_moved) << "never early enough";
}

TEST_F(RemoveTree, ReportsAMissingDirectory) {
  const auto removed = remove("none");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), Errc::not_found);
}

}  // namespace
}  // namespace layoutfs::tools
