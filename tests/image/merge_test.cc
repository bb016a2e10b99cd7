#include "core/image/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::listing;
using testing::merged;
using ::testing::SizeIs;
using testing::TarWriter;

using Lines = std::vector<std::string>;

// d/ with a, b and sub/c in it; the files f and f2, which are one; s, a symlink to d.
TarWriter lower() {
  return TarWriter()
      .dir("d", {.mode = 0750})
      .file("d/a", "a")
      .file("d/b", "b")
      .dir("d/sub")
      .file("d/sub/c", "c")
      .file("f", "f")
      .symlink("s", "d")
      .hardlink("f2", "f");
}

struct Case {
  const char* name;
  std::vector<TarWriter> layers;
  Lines tree;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Merged : public ::testing::TestWithParam<Case> {};

TEST_P(Merged, GivesTheTreeThatUnpackingInOrderLeaves) {
  const auto tree = merged(GetParam().layers);
  EXPECT_EQ(listing(*tree), GetParam().tree);
  EXPECT_THAT(tree->problems(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Layers, Merged,
    ::testing::Values(
        Case{"WhiteoutOfAFileKeepsItsOtherName",
             {lower(), TarWriter().whiteout("f").whiteout("d/a")},
             {"d750 d", "f d/b", "d755 d/sub", "f d/sub/c", "f f2", "l s -> d"}},
        Case{"WhiteoutOfADirectoryTakesAllBelow",
             {lower(), TarWriter().whiteout("d")},
             {"f f", "f f2", "l s -> d"}},
        Case{"WhiteoutOfASymlinkKeepsItsTarget",
             {lower(), TarWriter().whiteout("s").whiteout("d/sub")},
             {"d750 d", "f d/a", "f d/b", "f f", "f f2"}},
        Case{"WhiteoutOfNothingDoesNothing",
             {TarWriter().file("a"), TarWriter().whiteout("b").whiteout("x/y/z")},
             {"f a"}},
        Case{"WhiteoutAfterItsFileInOneLayerSparesIt",
             {TarWriter().file("f"), TarWriter().file("f").whiteout("f").file("g").whiteout("g")},
             {"f f", "f g"}},
        Case{"WhiteoutAfterItsDirectoryTakesOldChildrenOnly",
             {lower(), TarWriter().dir("d", {.mode = 0711}).file("d/new").whiteout("d")},
             {"d711 d", "f d/new", "f f", "f f2", "l s -> d"}},
        Case{"WhiteoutBelowAnImpliedParentLeavesOneWithDefaults",
             {lower(), TarWriter().file("d/new").whiteout("d")},
             {"d755 d", "f d/new", "f f", "f f2", "l s -> d"}},
        Case{"WhiteoutFollowsASymlinkedParent",
             {TarWriter().dir("usr/bin").file("usr/bin/foo").symlink("bin", "usr/bin"),
              TarWriter().whiteout("bin/foo")},
             {"l bin -> usr/bin", "d755 usr", "d755 usr/bin"}},
        Case{"OpaqueBeforeAndAfterNewChildrenIsTheSame",
             {lower(), TarWriter().dir("d").opaque("d").file("d/b"),
              TarWriter().dir("d").file("d/c").opaque("d")},
             {"d755 d", "f d/c", "f f", "f f2", "l s -> d"}},
        Case{"OpaqueRootLeavesNothingOfLowerLayers",
             {lower(), TarWriter().opaque("").file("only")},
             {"f only"}},
        Case{"OpaqueMarkerOfADirectoryThatIsNotThereMakesNone", {TarWriter().opaque("none")}, {}},
        Case{"ReservedNamesNeverShow",
             {TarWriter().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file(".wh..wh.aufs").file("a")},
             {"f a"}},
        Case{"NothingIsInADirectoryWithTheNameOfAWhiteout",
             {lower(), TarWriter()
                           .file(".wh.d/f")
                           .dir(".wh.d/sub")
                           .file(".wh.d/.wh.b")
                           .file("d/.wh.sub/c")
                           .file("d/.wh.sub/.wh.c")
                           .file("d/.wh.sub/.wh..wh..opq")
                           .symlink(".wh.l/l", "d")
                           .device(".wh.f/dev", '3', 1, 3)
                           .hardlink(".wh.f/link", "f")
                           .file(".wh..wh.plnk/d/f")
                           .file("none/.wh.x/f")
                           .file("f/.wh.x/f")
                           .file(".wh." + std::string(300, 'n') + "/f")},
             {"d750 d", "f d/a", "f d/b", "d755 d/sub", "f d/sub/c", "f f", "f f2", "l s -> d"}},
        Case{"AWhiteoutThatIsADirectoryDeletesToo",
             {lower(), TarWriter().dir(".wh.d").file(".wh.d/f")},
             {"f f", "f f2", "l s -> d"}},
        Case{"WhiteoutsOfNoNameDoNothing",
             {lower(), TarWriter()
                           .file(".wh.")
                           .file(".wh..")
                           .file(".wh...")
                           .file("d/.wh.")
                           .dir("d/.wh..")
                           .file("d/.wh...")
                           .file("d/sub/.wh..")
                           .file(".wh./f")
                           .file(".wh../f")
                           .file("d/.wh.../f")},
             {"d750 d", "f d/a", "f d/b", "d755 d/sub", "f d/sub/c", "f f", "f f2", "l s -> d"}},
        Case{"AWhiteoutOfTheLongestNameDeletesIt",
             {TarWriter().file(std::string(255, 'n')).file("d/" + std::string(254, 'm')),
              TarWriter().whiteout(std::string(255, 'n')).file("d/.wh." + std::string(254, 'm'))},
             {"d755 d"}},
        Case{"NamesThatOnlyLookLikeWhiteoutsShow",
             {TarWriter().file(".wh").file(".whx").file("x.wh.y")},
             {"f .wh", "f .whx", "f x.wh.y"}},
        Case{"DirectoryOverDirectoryKeepsTheChildren",
             {TarWriter().dir("d", {.mode = 0700}).file("d/low"),
              TarWriter().dir("d", {.mode = 0711}).file("d/high")},
             {"d711 d", "f d/high", "f d/low"}},
        Case{"FileOverDirectoryReplacesAllBelow",
             {lower(), TarWriter().file("d")},
             {"f d", "f f", "f f2", "l s -> d"}},
        Case{"DirectoryOverSymlinkReplacesTheSymlinkOnly",
             {lower(), TarWriter().dir("s").file("s/x").whiteout("d/sub")},
             {"d750 d", "f d/a", "f d/b", "f f", "f f2", "d755 s", "f s/x"}},
        Case{"SymlinkedParentIsFollowed",
             {TarWriter().dir("usr/bin").symlink("bin", "usr/bin").symlink("abs", "/usr"),
              TarWriter().file("bin/foo").file("abs/new/x")},
             {"l abs -> /usr", "l bin -> usr/bin", "d755 usr", "d755 usr/bin", "f usr/bin/foo",
              "d755 usr/new", "f usr/new/x"}},
        Case{"DanglingSymlinkAsParentMakesItsTargetInsideTheRoot",
             {TarWriter().symlink("out", "../../../target").file("out/a")},
             {"l out -> ../../../target", "d755 target", "f target/a"}},
        Case{
            "ClimbingNamesStayInsideTheRoot", {TarWriter().file("../../up").file("a/../b")}, {"f b", "f up"}},
        Case{"ImpliedParentsAreRootsWithDefaults",
             {TarWriter().file("a/b/c")},
             {"d755 a", "d755 a/b", "f a/b/c"}},
        Case{"ADirectoryThatComesAfterItsChildrenKeepsThem",
             {TarWriter().file("a/b").dir("a", {.mode = 0711})},
             {"d711 a", "f a/b"}},
        Case{"NoLayersAreAnEmptyRoot", {}, {}}),
    [](const auto& each) { return each.param.name; });

TEST(Merge, WhiteoutsShowAsTheEntriesThatTheyAreInALayerAlone) {
  const auto tree = merged({TarWriter().dir("d").file("d/x").whiteout("d/a").opaque("d")}, Whiteouts::show);
  EXPECT_THAT(listing(*tree), ElementsAre("d755 d", "f d/.wh..wh..opq", "f d/.wh.a", "f d/x"));
}

TEST(Merge, ALayerAloneShowsWhatIsBelowNamesOfWhiteouts) {
  const std::string longest = ".wh." + std::string(255, 'n');
  const auto tree =
      merged({TarWriter().file(".wh.x/f").file(longest).hardlink("l", ".wh.x/f")}, Whiteouts::show);
  EXPECT_THAT(listing(*tree), ElementsAre("f " + longest, "d755 .wh.x", "f .wh.x/f", "f l"));
  EXPECT_THAT(tree->problems(), IsEmpty());
}

// aufs kept them so.
TEST(Merge, FilesWhoseFirstNameNeverShowsAreThereByTheirOtherNames) {
  const auto tree = merged({TarWriter()
                                .file(".wh..wh.plnk/1.2", "data", {.mode = 0755})
                                .hardlink("one", ".wh..wh.plnk/1.2", {.mode = 0755})
                                .hardlink("d/two", ".wh..wh.plnk/1.2", {.mode = 0700})
                                .hardlink(".wh.x/again", "one")
                                .hardlink("three", ".wh.x/again")
                                .symlink(".wh.x/s", "one")
                                .hardlink("s", ".wh.x/s")
                                .file(".wh..wh.plnk/1.2", "other")
                                .hardlink("four", ".wh..wh.plnk/1.2")});
  EXPECT_THAT(tree->problems(), IsEmpty());
  EXPECT_THAT(listing(*tree), ElementsAre("d755 d", "f d/two", "f four", "f one", "l s -> one", "f three"));
  const Inode one = tree->find(kRootInode, "one").value();
  EXPECT_EQ(tree->find(kRootInode, "three"), one);
  EXPECT_EQ(tree->find(tree->find(kRootInode, "d").value(), "two"), one);
  EXPECT_EQ(tree->inode(one).nlink, 3u);
  EXPECT_EQ(tree->inode(one).size, 4u);
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "four").value()).size, 5u);
}

TEST(Merge, HardLinksShareAnInodeAcrossLayersAndCountOnlyNamesOfTheResult) {
  const auto tree = merged({TarWriter().dir("d").file("d/a", "data").hardlink("b", "d/a").hardlink("c", "b"),
                            TarWriter().hardlink("e", "c"), TarWriter().whiteout("d")});
  const Inode inode = tree->find(kRootInode, "b").value();
  EXPECT_EQ(tree->find(kRootInode, "c"), inode);
  EXPECT_EQ(tree->find(kRootInode, "e"), inode);
  EXPECT_EQ(tree->inode(inode).nlink, 3u);
}

TEST(Merge, ALinkKeepsTheFileThatItsTargetWas) {
  const auto tree = merged({TarWriter().file("a", "one").hardlink("a2", "a").file("a", "three")});
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "a2").value()).size, 3u);
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "a").value()).size, 5u);
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "a").value()).nlink, 1u);
}

TEST(Merge, TheLastEntryForAFileSaysWhatItIsLikeAndXattrsAddUp) {
  const auto tree = merged({TarWriter()
                                .file("a", "x", {.mode = 0600, .xattrs = {{"user.a", "1"}, {"user.b", "2"}}})
                                .hardlink("b", "a", {.mode = 0755, .uid = 7, .xattrs = {{"user.b", "3"}}})});
  const InodeView file = tree->inode(tree->find(kRootInode, "a").value());
  EXPECT_EQ(file.mode, 0755u);
  EXPECT_EQ(file.uid, 7u);
  ASSERT_EQ(file.xattr_count, 2u);
  EXPECT_EQ(tree->xattr(file.first_xattr).second, "1");
  EXPECT_EQ(tree->xattr(file.first_xattr + 1).second, "3");
}

TEST(Merge, ADirectoryDescribedAgainLosesItsOldXattrs) {
  const auto tree = merged({TarWriter().dir("d", {.mode = 0755, .xattrs = {{"user.x", "1"}}}),
                            TarWriter().dir("d", {.mode = 0700})});
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "d").value()).xattr_count, 0u);
}

TEST(Merge, TheRootTakesTheAttributesOfItsTopmostEntry) {
  const auto tree = merged(
      {TarWriter().dir("./", {.mode = 0700, .uid = 1}), TarWriter().dir("/", {.mode = 01755, .gid = 2})});
  const InodeView root = tree->inode(kRootInode);
  EXPECT_EQ(root.mode, 01755u);
  EXPECT_EQ(root.uid, 0u);
  EXPECT_EQ(root.gid, 2u);
}

TEST(Merge, DirectoriesCountTheirSubdirectories) {
  const auto tree = merged({TarWriter().dir("a").dir("b").file("c").dir("a/d")});
  EXPECT_EQ(tree->inode(kRootInode).nlink, 4u);
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "a").value()).nlink, 3u);
  EXPECT_EQ(tree->inode(tree->find(kRootInode, "b").value()).nlink, 2u);
}

// Each invalid entry is left out alone, and reported.
TEST(Merge, WhatCannotBeAppliedIsAProblemOfThatEntry) {
  const std::vector<std::pair<TarWriter, std::string>> cases{
      {TarWriter().file("ok").hardlink("x", "missing"), "x: hard link to missing"},
      {TarWriter().file("ok").dir("d").hardlink("x", "d"), "which is a directory"},
      {TarWriter().hardlink("x", "ok").file("ok"), "x: hard link to ok"},
      {TarWriter().file("ok").file("ok/child"), "ok/child: a parent is not a directory"},
      {TarWriter().file("ok").symlink("l1", "l2").symlink("l2", "l1").file("l1/x"),
       "l1/x: too many symlinks"},
      {TarWriter().file("ok").file(std::string(256, 'n')), "exceeds 255 bytes"},
      {TarWriter().file("ok").file("d/" + std::string(259, 'n') + "/f"), "exceeds 255 bytes"},
      {TarWriter().file("ok").file(".wh." + std::string(256, 'n')), "exceeds 255 bytes"},
      {TarWriter().file("ok").hardlink("x", ".wh.ok"), "x: hard link to .wh.ok"},
      {TarWriter().file("ok").dir(".wh.d").hardlink("x", ".wh.d"), "x: hard link to .wh.d"},
      {TarWriter().file("ok").hardlink("x", ".wh.d/f").file(".wh.d/f"), "x: hard link to .wh.d/f"},
      {TarWriter()
           .file("ok")
           .hardlink(".wh.a/a", ".wh.a/b")
           .hardlink(".wh.a/b", ".wh.a/a")
           .hardlink("x", ".wh.a/b"),
       "x: hard link to .wh.a/b"},
      {TarWriter().file("ok").symlink("l", ".wh.d").file("l/x"), "a whiteout's name"},
      {TarWriter().file("ok").symlink("x", std::string(4096, 't')), "4096 bytes"},
  };
  for (const auto& [layer, sentence] : cases) {
    const auto tree = merged({layer});
    ASSERT_THAT(tree->problems(), SizeIs(1));
    EXPECT_THAT(tree->problems().front(), HasSubstr(sentence));
    EXPECT_TRUE(tree->find(kRootInode, "ok"));
    EXPECT_FALSE(tree->find(kRootInode, "x"));
  }
}

TEST(Merge, ManyProblemsAreCountedAndNotAllKept) {
  TarWriter layer;
  for (int i = 0; i < 250; ++i) layer.hardlink("x" + std::to_string(i), "missing");
  const auto problems = merged({layer})->problems();
  ASSERT_THAT(problems, SizeIs(ImageTree::kMaxProblems));
  EXPECT_EQ(problems.back(), "and 151 more");
}

TEST(Merge, DeepPathsDoNotOverflowTheStack) {
  std::string path;
  for (int i = 0; i < 20'000; ++i) path += "d/";
  const auto tree =
      merged({TarWriter().file(path + "f"), TarWriter().whiteout(path + "f"), TarWriter().whiteout("d")});
  EXPECT_EQ(tree->inode_count(), 1u);
  EXPECT_EQ(merged({TarWriter().file(path + "f")})->inode_count(), 20'002u);
}

TEST(Merge, OpaqueMarkersOfOneDirectoryCostNoMoreThanOne) {
  TarWriter layer;
  for (int i = 0; i < 20'000; ++i) layer.file("d/" + std::to_string(i)).opaque("d");
  EXPECT_EQ(merged({lower(), layer})->child_count(merged({lower(), layer})->find(kRootInode, "d").value()),
            20'000u);
}

TEST(Merge, EqualLayersGiveEqualFiles) {
  EXPECT_EQ(testing::merged_file({lower(), TarWriter().whiteout("d/a")}),
            testing::merged_file({lower(), TarWriter().whiteout("d/a")}));
}

}  // namespace
}  // namespace layoutfs
