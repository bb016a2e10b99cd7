// The whiteouts of a layer, as overlayfs has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/erofs/erofs_image.h"
#include "tests/erofs/erofs_inode.h"
#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::ErofsInode;
using ::testing::IsEmpty;
using testing::kSomeImage;
using testing::TarWriter;
using Xattrs = std::map<std::string, std::string>;

const Xattrs kOpaqueMark = {{"trusted.overlay.opaque", "y"}};

class LayerErofs : public ::testing::Test {
 protected:
  void make(const TarWriter& layer) {
    tree_ = testing::merged({layer}, Whiteouts::show);
    made_ = make_erofs(*tree_, kSomeImage, {ErofsPlacement::appended, ErofsContent::layer}).value();
  }
  std::vector<std::string> names(std::string_view directory) const {
    return testing::ErofsInodes(made_->metadata).names(directory);
  }
  ErofsInode at(std::string_view path) const {
    return testing::ErofsInodes(made_->metadata).find(path).value();
  }
  bool is_whiteout(std::string_view path) const { return at(path).mode == 0020000 && at(path).device == 0; }

  std::shared_ptr<const ImageTree> tree_;
  std::optional<ErofsImage> made_;
};

TEST_F(LayerErofs, AWhiteoutIsACharacterDevice) {
  make(TarWriter().dir("d").file("d/kept", "x").whiteout("d/removed").whiteout("a").whiteout("z"));
  EXPECT_THAT(names(""), ElementsAre("a", "d", "z"));
  EXPECT_THAT(names("d"), ElementsAre("kept", "removed"));
  for (const char* path : {"a", "z", "d/removed"}) EXPECT_TRUE(is_whiteout(path)) << path;
  EXPECT_EQ(at("a").nlink, 3U) << "all are one inode";
  EXPECT_FALSE(is_whiteout("d/kept"));
  EXPECT_THAT(at("d").xattrs, IsEmpty());
}

TEST_F(LayerErofs, ALayerWithoutWhiteoutsIsThatOfAnImage) {
  make(TarWriter().dir("d").file("d/a", "x").hardlink("b", "d/a"));
  const auto image = make_erofs(*tree_, kSomeImage, ErofsPlacement::appended).value();
  EXPECT_EQ(as_text(made_->metadata), as_text(image.metadata));
}

TEST_F(LayerErofs, NamesThatTheLayerHasAreNotWhitedOut) {
  make(TarWriter().file("file", "new").whiteout("file").whiteout("dir").dir("dir").file("dir/new", "x"));
  EXPECT_THAT(names(""), ElementsAre("dir", "file"));
  EXPECT_EQ(at("file").mode, 0100644);
  EXPECT_THAT(at("file").xattrs, IsEmpty());
  EXPECT_EQ(at("dir").xattrs, kOpaqueMark) << "the content of a lower directory does not return";
}

TEST_F(LayerErofs, AnOpaqueDirectoryHasAnXattrAndNoWhiteouts) {
  make(TarWriter()
           .dir("d", {.xattrs = {{"user.note", "x"}}})
           .file("d/.wh..wh..opq")
           .whiteout("d/removed")
           .file("d/kept", "x")
           .dir("d/inner")
           .whiteout("d/inner/removed")
           .file("d/inner/.wh..wh..opq"));
  EXPECT_EQ(at("d").xattrs, (Xattrs{{"trusted.overlay.opaque", "y"}, {"user.note", "x"}}));
  EXPECT_THAT(names("d"), ElementsAre("inner", "kept"));
  EXPECT_THAT(names("d/inner"), IsEmpty()) << "devices would be visible without a lower directory";
  EXPECT_THAT(at("d/inner").xattrs, IsEmpty());
}

TEST_F(LayerErofs, DirectoriesInAnOpaqueRootAreOpaque) {
  make(TarWriter().file(".wh..wh..opq").dir("d").dir("d/inner").whiteout("x").whiteout("d/y"));
  EXPECT_THAT(names(""), ElementsAre("d"));
  EXPECT_EQ(at("d").xattrs, kOpaqueMark) << "overlayfs ignores the xattr of a root";
  EXPECT_THAT(names("d"), ElementsAre("inner"));
}

TEST_F(LayerErofs, ReservedAndInvalidNamesAreNotShown) {
  TarWriter layer;
  for (const char* name : {".wh.", ".wh..", ".wh...", ".wh..wh.aufs", ".wh..wh.plnk/1"})
    layer.file(name, "x");
  make(layer.file(".wha", "x").file(".wg", "x").file("a", "x"));
  EXPECT_THAT(names(""), ElementsAre(".wg", ".wha", "a"));
  EXPECT_EQ(made_->data_blocks, 3U) << "hidden files take no space";
}

TEST_F(LayerErofs, AWhiteoutMayBeOfAnyType) {
  make(TarWriter()
           .dir(".wh.dir")
           .file(".wh.dir/inside", "x")
           .symlink(".wh.link", "target")
           .file("file", "x")
           .hardlink(".wh.hard", "file"));
  EXPECT_THAT(names(""), ElementsAre("dir", "file", "hard", "link"));
  for (const char* path : {"dir", "hard", "link"}) EXPECT_TRUE(is_whiteout(path)) << path;
  EXPECT_EQ(at("file").nlink, 1U);
  EXPECT_EQ(at("").nlink, 2U);
}

TEST_F(LayerErofs, AParentOfOtherEntriesIsNoWhiteout) {
  make(TarWriter().file(".wh.implied/a", "x").dir("d").file("d/.wh..wh..opq/a", "x").whiteout("d/removed"));
  EXPECT_THAT(names(""), ElementsAre("d"));
  EXPECT_THAT(names("d"), ElementsAre("removed"));
  make(TarWriter().dir(".wh.entry", {.mode = 0700}).file(".wh.entry/a", "x"));
  EXPECT_THAT(names(""), ElementsAre("entry"));
}

TEST_F(LayerErofs, XattrsOfAnotherOverlayAreNotShown) {
  make(TarWriter()
           .dir("d", {.xattrs = {{"trusted.overlay.opaque", "y"}, {"user.note", "x"}}})
           .whiteout("removed"));
  EXPECT_EQ(at("d").xattrs, (Xattrs{{"user.note", "x"}}));
}

TEST_F(LayerErofs, ANameMayHave255Bytes) {
  const std::string longest(255, 'n');
  make(TarWriter().whiteout(longest));
  EXPECT_TRUE(is_whiteout(longest));
}

}  // namespace
}  // namespace layoutfs
