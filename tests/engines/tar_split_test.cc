#include "core/engines/tar_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/image/merged.h"
#include "tests/support/tar_split_reader.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::image_of;
using testing::index_of;
using ::testing::IsEmpty;
using testing::Rebuilt;
using testing::TarWriter;

// Returns the content of `path` as a program reads it that follows symlinks.
std::string content_of(const Image& image, const std::string& path) {
  const auto inode = image.resolve(path);
  if (!inode) return "missing";
  Bytes out(static_cast<std::size_t>(image.tree().inode(*inode).size));
  return std::string(as_text(ByteView(out).first(image.read(*inode, out, 0).value())));
}

std::string record_of(const std::vector<TarWriter>& layers, std::size_t piece = 1 << 20) {
  const Image image = image_of(layers);
  const Bytes tar = layers.back().bytes();
  std::string record;
  TarSplitWriter writer(
      files_to_split(image.tree(), static_cast<std::uint32_t>(layers.size() - 1), *index_of(tar)->entries()),
      [&](ByteView line) -> Status {
        record += as_text(line);
        return {};
      });
  for (std::size_t at = 0; at < tar.size(); at += piece)
    EXPECT_TRUE(writer.feed(ByteView(tar).subspan(at, std::min(piece, tar.size() - at))));
  EXPECT_TRUE(writer.finish());
  return record;
}

// Rebuilds the tar of the topmost layer, which must be that layer.
Rebuilt rebuilt_from(const std::vector<TarWriter>& layers, std::size_t piece = 1 << 20) {
  const Image image = image_of(layers);
  auto rebuilt = testing::rebuilt(record_of(layers, piece),
                                  [&](const std::string& path) { return content_of(image, path); });
  EXPECT_EQ(rebuilt.tar, layers.back().text());
  return rebuilt;
}

TEST(TarSplit, OnlyFilesWithContentAreLeftOut) {
  const auto rebuilt = rebuilt_from({TarWriter()
                                         .dir("etc")
                                         .file("etc/hosts", "127.0.0.1")
                                         .file("etc/empty")
                                         .symlink("etc/link", "hosts")
                                         .hardlink("etc/hard", "etc/hosts")
                                         .file("./usr//bin/../lib", std::string(1000, 'x'))});
  EXPECT_THAT(rebuilt.files, ElementsAre("etc/hosts", "usr/lib"));
  EXPECT_EQ(rebuilt.lines, 5u) << "everything between is in one line";
}

TEST(TarSplit, NamesNeedNotBeText) {
  const auto rebuilt =
      rebuilt_from({TarWriter().file("a\"\\\n", "1").file("\xff\xfe", "2").file("\xc3\xa9", "3")});
  EXPECT_THAT(rebuilt.files, ElementsAre("a\"\\\n", "\xff\xfe", "\xc3\xa9"));
}

// Engines would find other bytes there, or none.
TEST(TarSplit, ContentThatTheTreeDoesNotShowIsInTheRecord) {
  EXPECT_THAT(rebuilt_from({TarWriter().file("a", "one").file("a", "two").file("a", "three")}).files,
              ElementsAre("a"))
      << "the last one of a name";
  EXPECT_THAT(rebuilt_from({TarWriter().file("a", "one").symlink("a", "b")}).files, IsEmpty());
  EXPECT_THAT(rebuilt_from({TarWriter().file("a", "one").file("b", "two").hardlink("a", "b")}).files,
              ElementsAre("b"));
  EXPECT_THAT(rebuilt_from({TarWriter().file(".wh.a", "content").file("b", "2")}).files, ElementsAre("b"))
      << "a whiteout with content";
  EXPECT_THAT(rebuilt_from({TarWriter().file("s", "abCD",
                                             {.pax = {{"GNU.sparse.size", "12"},
                                                      {"GNU.sparse.numblocks", "2"},
                                                      {"GNU.sparse.map", "2,2,8,2"}}})})
                  .files,
              IsEmpty())
      << "a sparse file is larger than its bytes in the tar";
}

// An engine would follow the link, perhaps to a file of the host.
TEST(TarSplit, ContentBelowASymlinkIsInTheRecord) {
  const std::vector<TarWriter> layers{
      TarWriter().dir("usr/lib").symlink("lib", "usr/lib").symlink("host", "/etc"),
      TarWriter().file("lib/a", "one").file("usr/lib/b", "two").file("host/hostname", "x")};
  EXPECT_THAT(rebuilt_from(layers).files, ElementsAre("usr/lib/b"));
}

// The same bytes at the same place of the stream of another layer.
TEST(TarSplit, ALayerBelowDoesNotCount) {
  const TarWriter layer = TarWriter().file("a", "one");
  EXPECT_THAT(rebuilt_from({layer, TarWriter().whiteout("a")}).files, IsEmpty());
  EXPECT_THAT(rebuilt_from({layer, layer}).files, ElementsAre("a"));
}

TEST(TarSplit, IsTheSameForPiecesOfAnySize) {
  const std::vector<TarWriter> layers{TarWriter()
                                          .dir("d")
                                          .file("d/a", std::string(700, 'a'))
                                          .file("d/b", "b")
                                          .file("e")
                                          .file("f", std::string(5000, 'f'))};
  const std::string whole = record_of(layers);
  for (const std::size_t piece : {1u, 7u, 512u, 1000u}) EXPECT_EQ(record_of(layers, piece), whole) << piece;
}

// One line must fit into memory.
TEST(TarSplit, BytesOfTheTarAreInLinesOfLimitedLength) {
  const auto rebuilt = rebuilt_from({TarWriter().file("a", std::string(1 << 20, 'x')).file("a", "y")});
  EXPECT_GT(rebuilt.lines, 16u);
  EXPECT_THAT(rebuilt.files, ElementsAre("a"));
}

TEST(TarSplit, AStreamThatEndsWithinAFileIsAnError) {
  TarSplitWriter writer({{"a", 512, 10}}, [](ByteView) { return Status(); });
  EXPECT_TRUE(writer.feed(Bytes(515)));
  EXPECT_FALSE(writer.finish());
}

TEST(TarSplit, BlocksOfZerosCanFollow) {
  EXPECT_EQ(tar_split_of_zero_blocks(0), "");
  EXPECT_EQ(testing::rebuilt(tar_split_of_zero_blocks(3), {}).tar, std::string(3 * 512, '\0'));
}

}  // namespace
}  // namespace layoutfs
