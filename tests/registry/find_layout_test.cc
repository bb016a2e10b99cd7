// Paths that end in a reference, with layouts on the way and without.
#include "core/registry/find_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/other_user.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::TempDir;
using testing::write_file;

const std::string kDigest = "sha256:" + std::string(64, 'a');

class FindLayout : public ::testing::Test {
 protected:
  FindLayout() { std::filesystem::current_path(directory.path()); }
  ~FindLayout() override { std::filesystem::current_path("/"); }

  static void mark(const std::string& path) { write_file(path + "/oci-layout", "{}"); }
  // "BASE|REPOSITORY|TAG|DIGEST", or the message of the error.
  static std::string found(const std::string& path) {
    const auto layout = find_layout(path);
    if (!layout) return "no layout: " + layout.error().message();
    const RegistryReference& reference = layout->reference;
    EXPECT_EQ(reference.host, "") << path;
    return layout->base + "|" + reference.repository + "|" + reference.tag + "|" + reference.digest.str();
  }
  static Error error_of(const std::string& path) {
    const auto layout = find_layout(path);
    return layout ? Error(Errc::unsupported, "no error") : Error(layout.error());
  }

  TempDir directory;
};

TEST_F(FindLayout, WithoutAMarkerTheLastPartIsTheReference) {
  EXPECT_EQ(found("./foo/bar:baz"), "./foo|bar|baz|");
  EXPECT_EQ(found("./foo:bar"), "./|foo|bar|");
  EXPECT_EQ(found("foo:bar"), ".|foo|bar|");
  EXPECT_EQ(found("foo"), ".|foo||");
  EXPECT_EQ(found("one/two/three:v1"), "one/two|three|v1|");
}

TEST_F(FindLayout, NothingInThePathIsCleanedOrResolved) {
  EXPECT_EQ(found("../x:y"), "../|x|y|");
  EXPECT_EQ(found("/x:y"), "/|x|y|");
  EXPECT_EQ(found("/one/../two/x:y"), "/one/../two|x|y|");
  EXPECT_EQ(found("a//b:t"), "a/|b|t|");
  EXPECT_EQ(found("one/./x:y"), "one/.|x|y|");
}

TEST_F(FindLayout, AMarkerEndsTheBase) {
  mark("one/two");
  EXPECT_EQ(found("./one/two/three/four:tag"), "./one/two|three/four|tag|");
  EXPECT_EQ(found("one/two/three/four:tag"), "one/two|three/four|tag|");
  EXPECT_EQ(found(directory / "one/two/three/four:tag"), directory / "one/two" + "|three/four|tag|");
}

TEST_F(FindLayout, TheDeepestMarkerWins) {
  mark("one");
  mark("one/two");
  EXPECT_EQ(found("./one/two/three/four:tag"), "./one/two|three/four|tag|");
  EXPECT_EQ(found("./one/three/four:tag"), "./one|three/four|tag|");
}

TEST_F(FindLayout, TheWorkingDirectoryMayBeTheLayout) {
  mark(".");
  EXPECT_EQ(found("one/two:tag"), ".|one/two|tag|");
  EXPECT_EQ(found("two:tag"), ".|two|tag|");
  EXPECT_EQ(found("./two:tag"), "./|two|tag|");
}

TEST_F(FindLayout, ABaseMayHaveAColon) {
  EXPECT_EQ(found("a:1/b:2"), "a:1|b|2|");
  mark("a:1");
  EXPECT_EQ(found("a:1/b/c:2"), "a:1|b/c|2|");
}

TEST_F(FindLayout, ADigestMayStandBesideATagOrAlone) {
  EXPECT_EQ(found("./foo/bar:baz@" + kDigest), "./foo|bar|baz|" + kDigest);
  EXPECT_EQ(found("./foo/bar@" + kDigest), "./foo|bar||" + kDigest);
  mark("foo");
  EXPECT_EQ(found("./foo/bar/baz:v@" + kDigest), "./foo|bar/baz|v|" + kDigest);
  EXPECT_EQ(found("./foo/bar/baz@" + kDigest), "./foo|bar/baz||" + kDigest);
}

TEST_F(FindLayout, WhatLooksLikeAHostIsAPartOfTheRepository) {
  mark("base");
  EXPECT_EQ(found("base/foo.com/bar:v1"), "base|foo.com/bar|v1|");
}

TEST_F(FindLayout, ADirectoryIsNoMarker) {
  mark("one");
  std::filesystem::create_directories("one/two/oci-layout");
  EXPECT_EQ(found("one/two/three:tag"), "one|two/three|tag|");
}

TEST_F(FindLayout, WhatIsNoReferenceIsAnError) {
  for (const std::string& path :
       {std::string(""), std::string("./foo/Bad:tag"), std::string("a/"), std::string("/"), std::string("."),
        std::string("./"), std::string("foo:"), std::string("foo/b:t:t"), "foo/" + std::string(256, 'a')})
    EXPECT_EQ(error_of(path).code(), Errc::invalid_argument) << path;
  EXPECT_EQ(error_of("foo/b@sha256:short").code(), Errc::digest_invalid);
}

TEST_F(FindLayout, AMarkerThatNoReferenceFollowsCountsAsNone) {
  mark("m");
  EXPECT_EQ(found("m/UPPER/x:t"), "m/UPPER|x|t|");
}

TEST_F(FindLayout, NothingFollowsAFile) {
  write_file("file", "content");
  const auto error = error_of("file/x:tag");
  EXPECT_EQ(error.code(), Errc::io) << error.message();
  EXPECT_EQ(error.sys(), ENOTDIR);
  EXPECT_EQ(error_of("file/x/y:tag").sys(), ENOTDIR);
}

TEST_F(FindLayout, ALayoutBehindAFileIsNotLookedFor) {
  // The deepest place is examined first, and its error counts.
  mark(".");
  write_file("file", "content");
  EXPECT_EQ(error_of("file/x:tag").sys(), ENOTDIR);
}

TEST_F(FindLayout, WhatMayNotBeLookedAtIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  mark("closed/one");
  ASSERT_EQ(::chmod("closed", 0700), 0);
  ASSERT_EQ(::chmod(".", 0755), 0);
  EXPECT_EQ(found("closed/one/x:tag"), "closed/one|x|tag|");
  const testing::AsNobody as_nobody;
  const auto error = error_of("closed/one/x:tag");
  EXPECT_EQ(error.code(), Errc::io) << error.message();
  EXPECT_EQ(error.sys(), EACCES);
}

TEST_F(FindLayout, AMarkerMayBeASymlink) {
  write_file("elsewhere", "{}");
  std::filesystem::create_directories("one");
  std::filesystem::create_symlink("../elsewhere", "one/oci-layout");
  EXPECT_EQ(found("one/two/x:tag"), "one|two/x|tag|");
}

}  // namespace
}  // namespace layoutfs
