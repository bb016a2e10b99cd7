#include "core/image/image.h"

#include <gtest/gtest.h>

#include <stop_token>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using testing::image_of;
using testing::TarWriter;

std::string content(const Image& image, std::string_view path, std::uint64_t offset = 0,
                    std::size_t size = 1 << 16) {
  Bytes out(size);
  const auto got = image.read(image.resolve(path).value(), out, offset);
  return got ? std::string(as_text(std::span(out).first(*got))) : "error: " + got.error().message();
}

TEST(Image, FilesReadAsTheTopmostLayerThatHasThem) {
  const Image image =
      image_of({TarWriter().file("a", "old").file("b", "below"), TarWriter().file("a", "newer")});
  EXPECT_EQ(content(image, "a"), "newer");
  EXPECT_EQ(content(image, "b"), "below");
}

TEST(Image, ReadsStopAtTheEndOfTheFile) {
  const Image image = image_of({TarWriter().file("a", "0123456789").file("b", "next")});
  EXPECT_EQ(content(image, "a", 8), "89");
  EXPECT_EQ(content(image, "a", 4, 3), "456");
  EXPECT_EQ(content(image, "a", 10), "");
  EXPECT_EQ(content(image, "a", UINT64_MAX), "");
}

TEST(Image, AReadEndsWithItsContext) {
  const Image image = image_of({TarWriter().file("a", "0123456789")});
  std::stop_source stop;
  stop.request_stop();
  Bytes out(10);
  const auto got = image.read(image.resolve("a").value(), out, 0, {.stop = stop.get_token(), .deadline = {}});
  EXPECT_EQ(got.error().code(), Errc::cancelled);
  EXPECT_EQ(content(image, "a"), "0123456789");
}

// GNU's PAX format 0.1: pieces at 2 and 8 of a file of 12 bytes.
TarWriter sparse() {
  return TarWriter().file(
      "sparse", "abCD",
      {.pax = {{"GNU.sparse.size", "12"}, {"GNU.sparse.numblocks", "2"}, {"GNU.sparse.map", "2,2,8,2"}}});
}

TEST(Image, HolesReadAsZeros) {
  const Image image = image_of({sparse()});
  const std::string whole("\0\0ab\0\0\0\0CD\0\0", 12);
  for (std::size_t offset = 0; offset <= whole.size(); ++offset)
    for (std::size_t size = 0; size <= whole.size(); ++size)
      EXPECT_EQ(content(image, "sparse", offset, size), whole.substr(offset, size)) << offset << " " << size;
  const InodeView file = image.tree().inode(image.resolve("sparse").value());
  EXPECT_EQ(file.size, 12u);
  EXPECT_EQ(file.stored, 4u);
}

TEST(Image, SeekFindsDataAndHoles) {
  const Image image = image_of({sparse().file("plain", "x")});
  const Inode file = image.resolve("sparse").value();
  using enum Image::Seek;
  EXPECT_EQ(image.seek(file, 0, data), 2u);
  EXPECT_EQ(image.seek(file, 3, data), 3u);
  EXPECT_EQ(image.seek(file, 4, data), 8u);
  EXPECT_EQ(image.seek(file, 10, data), std::nullopt);
  EXPECT_EQ(image.seek(file, 0, hole), 0u);
  EXPECT_EQ(image.seek(file, 2, hole), 4u);
  EXPECT_EQ(image.seek(file, 9, hole), 10u);
  EXPECT_EQ(image.seek(file, 12, hole), std::nullopt);
  EXPECT_EQ(image.seek(image.resolve("plain").value(), 0, hole), 1u);
}

TEST(Image, PathsFollowSymlinksInsideTheRoot) {
  const Image image = image_of({TarWriter()
                                    .dir("usr/bin")
                                    .file("usr/bin/x", "x")
                                    .symlink("bin", "usr/bin")
                                    .symlink("abs", "/bin/x")
                                    .symlink("up", "../../../bin")
                                    .symlink("loop", "loop")});
  for (const std::string_view path :
       {"usr/bin/x", "/usr//bin/./x", "bin/x", "abs", "up/x", "usr/../bin/x", "../bin/x"})
    EXPECT_EQ(content(image, path), "x") << path;
  EXPECT_EQ(image.resolve(""), kRootInode);
  EXPECT_EQ(image.resolve("/"), kRootInode);
  EXPECT_EQ(image.tree().inode(image.resolve("bin", false).value()).type, EntryType::symlink);
  for (const std::string_view path : {"none", "bin/none", "usr/bin/x/y", "loop"}) {
    const auto missing = image.resolve(path);
    ASSERT_FALSE(missing) << path;
    EXPECT_EQ(missing.error().code(), Errc::not_found);
  }
}

}  // namespace
}  // namespace layoutfs
