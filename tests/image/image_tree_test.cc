#include "core/image/image_tree.h"

#include <gtest/gtest.h>

#include "core/image/tree_format.h"
#include "core/layer/table_file.h"
#include "tests/image/merged.h"
#include "tests/support/table_files.h"

namespace layoutfs {
namespace {

using testing::kSomeImage;
using testing::TarWriter;

TarWriter everything() {
  return TarWriter()
      .dir("d", {.mode = 0711, .xattrs = {{"user.x", "value"}}})
      .file("d/f", "content")
      .symlink("s", "d/f")
      .device("c", '3', 1, 3)
      .device("b", '4', 8, 1)
      .fifo("p")
      .hardlink("h", "d/f");
}

TEST(ImageTree, InodesHaveWhatTheirEntriesSay) {
  const auto tree = testing::merged({everything()});
  const auto at = [&](std::string_view name) { return tree->inode(tree->find(kRootInode, name).value()); };
  EXPECT_EQ(at("c").type, EntryType::character);
  EXPECT_EQ(at("c").device_minor, 3u);
  EXPECT_EQ(at("b").device_major, 8u);
  EXPECT_EQ(at("p").type, EntryType::fifo);
  EXPECT_EQ(at("s").target, "d/f");
  EXPECT_EQ(at("s").size, 3u);
  EXPECT_EQ(at("h").size, 7u);
  EXPECT_EQ(at("h").nlink, 2u);
  EXPECT_EQ(at("d").parent, kRootInode);
  EXPECT_EQ(tree->xattr(at("d").first_xattr),
            (std::pair<std::string_view, std::string_view>("user.x", "value")));
}

TEST(ImageTree, ChildrenAreInByteOrderAndFoundByName) {
  TarWriter layer;
  const std::vector<std::string> names{"\xff", "B", "a", "aa", "a.b", "Z", "\xc3\xa9", "1"};
  for (const std::string& name : names) layer.file(name);
  const auto tree = testing::merged({layer});
  ASSERT_EQ(tree->child_count(kRootInode), names.size());
  for (std::size_t rank = 1; rank < names.size(); ++rank)
    EXPECT_LT(tree->child(kRootInode, rank - 1).name, tree->child(kRootInode, rank).name);
  for (const std::string& name : names) EXPECT_TRUE(tree->find(kRootInode, name)) << name;
  for (const std::string_view name : {"", "b", "a.", "aaa", "\xfe"})
    EXPECT_FALSE(tree->find(kRootInode, name));
}

TEST(ImageTree, DirectoriesHavePaths) {
  const auto tree = testing::merged({TarWriter().dir("a").dir("a/b").dir("a/b/c").file("a/c/d")});
  const auto at = [&](Inode directory, std::string_view name) { return tree->find(directory, name).value(); };
  EXPECT_EQ(tree->path_of(kRootInode), "");
  EXPECT_EQ(tree->path_of(at(kRootInode, "a")), "a");
  EXPECT_EQ(tree->path_of(at(at(at(kRootInode, "a"), "b"), "c")), "a/b/c");
  EXPECT_EQ(tree->path_of(at(at(kRootInode, "a"), "c")), "a/c");
}

TEST(ImageTree, OfAnotherImageIsRefused) {
  const auto file = testing::merged_file({everything()});
  EXPECT_FALSE(ImageTree::open(SharedBytes::of(file), Digest::of(as_bytes("another"))));
}

TEST(ImageTree, EveryTruncationIsRefused) {
  const Bytes file = testing::merged_file({everything()});
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto tree = ImageTree::open(
        SharedBytes::of(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))), kSomeImage);
    ASSERT_FALSE(tree) << size;
    EXPECT_EQ(tree.error().code(), Errc::corrupt);
  }
}

TEST(ImageTree, EveryFlippedByteOfTheTablesIsRefused) {
  const Bytes file = testing::merged_file({everything()});
  ASSERT_TRUE(ImageTree::open(SharedBytes::of(file), kSomeImage));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes damaged = file;
    damaged[at] ^= std::byte{0x41};
    refused += !ImageTree::open(SharedBytes::of(damaged), kSomeImage);
  }
  // The rest are unused bytes between the header and the tables.
  EXPECT_GT(refused, file.size() - 64);
}

TEST(ImageTree, TablesThatAreNotAlignedAreRefused) {
  const Bytes file = testing::merged_file({everything()});
  const auto tree = ImageTree::open(
      SharedBytes::of(testing::unaligned(file, TableKind::image_tree, kSomeImage)), kSomeImage);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().message(), "tree file: inconsistent tables");
}

// A program that can write the cache can also write a valid checksum: the tables themselves must be safe.
TEST(ImageTree, DamagedTablesUnderARightChecksumAreRefusedOrSafeToWalk) {
  const Bytes file = testing::merged_file({everything()});
  const std::uint32_t version = kImageTreeVersion;
  const auto payload = open_table_file(file, TableKind::image_tree, version, kSomeImage).value();
  std::size_t opened = 0;
  for (std::size_t at = 0; at < payload.size(); ++at) {
    for (const auto flip : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
      Bytes damaged(payload.begin(), payload.end());
      damaged[at] ^= flip;
      const auto tree = ImageTree::open(
          SharedBytes::of(seal_table_file(TableKind::image_tree, version, kSomeImage, damaged)), kSomeImage);
      if (!tree) continue;
      ++opened;
      for (Inode inode = kRootInode; inode <= (*tree)->inode_count(); ++inode) {
        const InodeView view = (*tree)->inode(inode);
        for (std::uint32_t i = 0; i < view.xattr_count; ++i) (*tree)->xattr(view.first_xattr + i);
      }
      EXPECT_LE(testing::listing(**tree).size(), payload.size());
    }
  }
  EXPECT_GT(opened, 0u);  // e.g. with a changed time or name
}

}  // namespace
}  // namespace layoutfs
