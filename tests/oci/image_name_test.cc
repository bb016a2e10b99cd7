// Arguments taken apart, among paths that look like names and names that look like paths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/oci/reference.h"
#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"
#include "tests/support/tar_writer.h"

namespace layoutfs {
namespace {

using testing::LayoutWriter;
using testing::TarWriter;
using testing::TempDir;
using testing::write_file;

const std::string kNamedDigest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class AnArgument : public ::testing::Test {
 protected:
  AnArgument() { std::filesystem::current_path(directory.path()); }
  ~AnArgument() override { std::filesystem::current_path("/"); }

  // "LAYOUT|REFERENCE", or the message of the error.
  static std::string parsed(const std::string& argument) {
    const auto name = parse_image_name(argument);
    return name ? name->layout + "|" + name->reference : name.error().message();
  }
  static Errc code_of(const std::string& argument) {
    const auto name = parse_image_name(argument);
    EXPECT_FALSE(name) << argument;
    return name ? Errc::io : name.error().code();
  }

  TempDir directory;
};

TEST_F(AnArgument, IsAPathAndWhatFollowsIt) {
  LayoutWriter("dir/lay");
  EXPECT_EQ(parsed("dir/lay"), "dir/lay|");
  EXPECT_EQ(parsed("dir/lay/"), "dir/lay/|");
  EXPECT_EQ(parsed("dir/lay:app"), "dir/lay|app");
  EXPECT_EQ(parsed("dir/lay:app:1.2"), "dir/lay|app:1.2");
  EXPECT_EQ(parsed("dir/lay:docker.io/library/app:1.2"), "dir/lay|docker.io/library/app:1.2");
  EXPECT_EQ(parsed("dir/lay@" + kNamedDigest), "dir/lay|" + kNamedDigest);
  EXPECT_EQ(parsed("dir/lay:" + kNamedDigest), "dir/lay|" + kNamedDigest);
  EXPECT_EQ(parsed("dir/lay:@3"), "dir/lay|@3");
}

TEST_F(AnArgument, MayEndInAShortDigest) {
  LayoutWriter("lay");
  EXPECT_EQ(parsed("lay@ba7816b"), "lay|ba7816b");
  EXPECT_EQ(parsed("lay@sha256:ba7816b"), "lay|sha256:ba7816b");
  EXPECT_EQ(parsed("lay:app:1@ba7816b"), "lay|app:1@ba7816b");
  EXPECT_EQ(parsed("lay:app:1@" + kNamedDigest), "lay|app:1@" + kNamedDigest);
  EXPECT_EQ(parsed("lay@ba7816"), "'ba7816' after '@' is not a digest");
  EXPECT_EQ(code_of("lay@ba7816"), Errc::digest_invalid);
}

TEST_F(AnArgument, MayStandBehindOci) {
  LayoutWriter("lay");
  EXPECT_EQ(parsed("oci:lay"), "lay|");
  EXPECT_EQ(parsed("oci:lay:app"), "lay|app");
  EXPECT_EQ(parsed("oci:lay@" + kNamedDigest), "lay|" + kNamedDigest);
  EXPECT_EQ(parsed("oci:" + directory.path() + "/lay:app"), directory.path() + "/lay|app");
}

TEST_F(AnArgument, MayNameALayoutThatIsCalledOci) {
  LayoutWriter("oci");
  LayoutWriter("oci:lay");
  EXPECT_EQ(parsed("oci"), "oci|");
  EXPECT_EQ(parsed("oci:lay"), "oci:lay|");
  EXPECT_EQ(parsed("oci:app"), "oci|app");
  EXPECT_EQ(parsed("oci:oci:app"), "oci|app");
}

TEST_F(AnArgument, TheLongestPrefixThatIsALayoutWins) {
  LayoutWriter("a");
  EXPECT_EQ(parsed("a:b:c"), "a|b:c");
  LayoutWriter("a:b");
  EXPECT_EQ(parsed("a:b:c"), "a:b|c");
  EXPECT_EQ(parsed("a:b"), "a:b|");
  LayoutWriter("a:b:c");
  EXPECT_EQ(parsed("a:b:c"), "a:b:c|");
  LayoutWriter("user@host");
  EXPECT_EQ(parsed("user@host"), "user@host|");
  EXPECT_EQ(parsed("user@host:app"), "user@host|app");
}

// The header of a tar is enough for a name; the engine checks the content.
void write_archive(const std::string& path) {
  write_file(path, TarWriter().file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").text());
}

TEST_F(AnArgument, MayNameAnArchive) {
  write_archive("image.tar");
  write_archive("image");
  EXPECT_EQ(parsed("image.tar"), "image.tar|");
  EXPECT_EQ(parsed("image.tar:app"), "image.tar|app");
  EXPECT_EQ(parsed("image.tar:docker.io/library/app:1.2"), "image.tar|docker.io/library/app:1.2");
  EXPECT_EQ(parsed("image.tar@" + kNamedDigest), "image.tar|" + kNamedDigest);
  EXPECT_EQ(parsed("image.tar:@0"), "image.tar|@0");
  EXPECT_EQ(parsed("image:app"), "image|app");
}

TEST_F(AnArgument, MayStandBehindThePrefixOfAnArchive) {
  write_archive("image.tar");
  for (const std::string prefix : {"oci-archive:", "docker-archive:", "oci:"}) {
    EXPECT_EQ(parsed(prefix + "image.tar"), "image.tar|") << prefix;
    EXPECT_EQ(parsed(prefix + "image.tar:app:1"), "image.tar|app:1") << prefix;
    EXPECT_EQ(parsed(prefix + "image.tar@" + kNamedDigest), "image.tar|" + kNamedDigest) << prefix;
    EXPECT_EQ(code_of(prefix + "image.tar:"), Errc::invalid_argument) << prefix;
    EXPECT_EQ(code_of(prefix), Errc::invalid_argument) << prefix;
    EXPECT_EQ(parsed(prefix + "none.tar:app"), "none.tar: no such layout") << prefix;
  }
}

TEST_F(AnArgument, MayNameAnArchiveThatIsCalledAsAPrefix) {
  write_archive("oci-archive");
  write_archive("docker-archive:app");
  EXPECT_EQ(parsed("oci-archive"), "oci-archive|");
  EXPECT_EQ(parsed("oci-archive:app"), "oci-archive|app");
  EXPECT_EQ(parsed("docker-archive:app"), "docker-archive:app|");
  EXPECT_EQ(parsed("docker-archive:app:1"), "docker-archive:app|1");
}

TEST_F(AnArgument, TheLongestPrefixWinsAmongDirectoriesAndArchives) {
  LayoutWriter("image.tar");
  write_archive("image.tar:app");
  EXPECT_EQ(parsed("image.tar:app:1"), "image.tar:app|1");
  EXPECT_EQ(parsed("image.tar:other"), "image.tar|other");
}

TEST_F(AnArgument, OfACompressedArchiveIsUnsupported) {
  write_file("image.tar.gz", "\x1f\x8b\x08" + std::string(600, 'x'));
  EXPECT_EQ(code_of("image.tar.gz"), Errc::unsupported);
  EXPECT_EQ(code_of("image.tar.gz:app"), Errc::unsupported);
  EXPECT_EQ(code_of("oci-archive:image.tar.gz:app"), Errc::unsupported);
}

TEST_F(AnArgument, WhereNothingIsThereIsNotFound) {
  EXPECT_EQ(parsed("none"), "none: no such layout");
  EXPECT_EQ(parsed("none:app:1"), "none: no such layout");
  EXPECT_EQ(parsed("oci:none:app"), "none: no such layout");
  EXPECT_EQ(parsed("none@" + kNamedDigest), "none: no such layout");
  EXPECT_EQ(parsed("none:app@" + kNamedDigest), "none: no such layout");
  EXPECT_EQ(parsed("none@ba7816b"), "none: no such layout");
  EXPECT_EQ(parsed("no@where:app"), "no@where: no such layout");
  EXPECT_EQ(code_of("none:app"), Errc::not_found);
  EXPECT_EQ(code_of(":app"), Errc::not_found);
  EXPECT_EQ(code_of(std::string(100'000, 'x')), Errc::not_found);
}

TEST_F(AnArgument, WhereSomethingElseIsThereIsAnInvalidImage) {
  std::filesystem::create_directory("dir");
  write_file("file", "x");
  write_file("file:app", "x");
  for (const char* argument :
       {"dir", "dir:app", "file", "dir/", "oci:dir:app", "oci-archive:file", "docker-archive:dir:app"})
    EXPECT_EQ(code_of(argument), Errc::invalid_image) << argument;
  EXPECT_EQ(parsed("dir:app"), "dir: not an image layout (no oci-layout file)");
  EXPECT_EQ(parsed("dir@" + kNamedDigest), "dir: not an image layout (no oci-layout file)");
  EXPECT_THAT(parsed("file:app"), ::testing::StartsWith("file:app: "));
}

TEST_F(AnArgument, ThatMayNotBeSearchedSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  LayoutWriter("lay/below");
  LayoutWriter("lay");
  std::filesystem::create_symlink("lay/below", "link");
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod("lay", 0700), 0);
  const testing::AsNobody as_nobody;
  EXPECT_EQ(parsed("link:app"), "link: Permission denied");
  for (const char* argument : {"lay", "lay:app", "oci:lay"})
    EXPECT_EQ(parsed(argument), "lay: oci-layout: Permission denied") << argument;
}

TEST_F(AnArgument, ThatMakesNoSenseIsRefused) {
  LayoutWriter("lay");
  for (const char* argument : {"", "oci:", "lay:", "lay@"})
    EXPECT_EQ(code_of(argument), Errc::invalid_argument) << argument;
  for (const char* argument : {"lay@app", "lay@3", "lay@sha256:00", "lay@md5:00"})
    EXPECT_EQ(code_of(argument), Errc::digest_invalid) << argument;
}

}  // namespace
}  // namespace layoutfs
