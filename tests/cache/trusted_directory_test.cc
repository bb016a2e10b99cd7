// Directories that others could have created are refused at any position of the path.
#include "core/cache/trusted_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace layoutfs::testing {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kOther = 1234;

class TrustedDirectory : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(temp_ / "a/b/c"); }

  std::string path() const { return temp_ / "a/b/c"; }
  // An empty text if the directory is trusted.
  static std::string refusal_of(const std::string& path, IfMissing if_missing = IfMissing::fail) {
    const auto directory = open_trusted_directory(path, if_missing);
    return directory ? "" : directory.error().message();
  }
  void set_mode(const std::string& path, unsigned mode) const {
    ASSERT_EQ(::chmod((temp_ / path).c_str(), mode), 0);
  }

  TempDir temp_;
};

TEST_F(TrustedDirectory, OneThatNobodyElseCanWriteIsOpened) {
  EXPECT_EQ(refusal_of(path()), "");
  EXPECT_EQ(refusal_of(path() + "/"), "");
  EXPECT_EQ(refusal_of(temp_ / "a/./b//../b/c"), "");
}

TEST_F(TrustedDirectory, OthersMustNotWriteAnyDirectoryOnTheWay) {
  for (const char* part : {"a", "a/b", "a/b/c"}) {
    for (const unsigned mode : {0777u, 0775u, 0757u}) {
      set_mode(part, mode);
      EXPECT_THAT(refusal_of(path()), HasSubstr("others can write")) << part << " " << mode;
      EXPECT_EQ(open_trusted_directory(path()).error().code(), Errc::invalid_argument);
      set_mode(part, 0755);
    }
  }
  EXPECT_EQ(refusal_of(path()), "");
}

TEST_F(TrustedDirectory, AStickyDirectoryMayLeadThereButIsNotTrustedItself) {
  set_mode("a/b", 01777);
  EXPECT_EQ(refusal_of(path()), "");
  EXPECT_THAT(refusal_of(temp_ / "a/b"), HasSubstr("others can write this directory"));
}

TEST_F(TrustedDirectory, NothingIsCreatedBelowWhatOthersCanWrite) {
  set_mode("a/b", 0777);
  EXPECT_NE(refusal_of(temp_ / "a/b/new/x", IfMissing::create), "");
  EXPECT_FALSE(std::filesystem::exists(temp_ / "a/b/new"));
}

TEST_F(TrustedDirectory, WhatIsMissingIsCreatedForThisUserAlone) {
  EXPECT_EQ(open_trusted_directory(temp_ / "x/y").error().code(), Errc::not_found);
  EXPECT_EQ(refusal_of(temp_ / "x/y", IfMissing::create), "");
  struct stat status{};
  ASSERT_EQ(::stat((temp_ / "x").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(TrustedDirectory, OthersMustNotOwnAnyDirectoryOrSymlinkOnTheWay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give directories away";
  for (const char* part : {"a", "a/b", "a/b/c"}) {
    ASSERT_EQ(::chown((temp_ / part).c_str(), kOther, kOther), 0);
    EXPECT_NE(refusal_of(path()), "") << part;
    ASSERT_EQ(::chown((temp_ / part).c_str(), 0, 0), 0);
  }
  // Others may create symlinks in a directory in which they may create files.
  set_mode("a", 01777);
  const std::string link = temp_ / "a/link";
  std::filesystem::create_symlink("b", link);
  EXPECT_EQ(refusal_of(link + "/c"), "");
  ASSERT_EQ(::lchown(link.c_str(), kOther, kOther), 0);
  EXPECT_THAT(refusal_of(link + "/c"), HasSubstr("belongs to another user"));
}

TEST_F(TrustedDirectory, TheDirectoriesOfSymlinksAreChecked) {
  std::filesystem::create_directories(temp_ / "d/e");
  std::filesystem::create_symlink("../../a/b", temp_ / "d/e/relative");
  std::filesystem::create_symlink(temp_ / "d/e/relative/c", temp_ / "absolute");
  EXPECT_EQ(refusal_of(temp_ / "absolute"), "");
  for (const char* part : {"d", "d/e", "a", "a/b", "a/b/c"}) {
    set_mode(part, 0777);
    EXPECT_NE(refusal_of(temp_ / "absolute"), "") << part;
    set_mode(part, 0755);
  }
  std::filesystem::create_symlink("loop", temp_ / "loop");
  EXPECT_EQ(open_trusted_directory(temp_ / "loop").error().sys(), ELOOP);
}

TEST_F(TrustedDirectory, ARelativePathIsCheckedFromTheRoot) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(temp_ / "a/b");
  EXPECT_EQ(refusal_of("c"), "");
  set_mode("a", 0777);
  EXPECT_NE(refusal_of("c"), "");
  std::filesystem::current_path(before);
}

TEST_F(TrustedDirectory, AFileIsNoDirectory) {
  write_file(temp_ / "file", "x");
  EXPECT_EQ(open_trusted_directory(temp_ / "file/x").error().sys(), ENOTDIR);
  EXPECT_EQ(open_trusted_directory(temp_ / "file", IfMissing::create).error().sys(), ENOTDIR);
}

}  // namespace
}  // namespace layoutfs::testing
