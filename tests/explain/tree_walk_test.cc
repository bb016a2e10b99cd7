// The order and the paths of a walk.
#include "core/explain/tree_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::merged;
using testing::TarWriter;

// "depth path name" of each visited name.
std::vector<std::string> walked(const ImageTree& tree, Inode start, const std::string& path,
                                const std::string& left_out = "") {
  std::vector<std::string> lines;
  const auto done = walk_files(tree, start, path, [&](const WalkedFile& file) -> Result<Descend> {
    lines.push_back(std::to_string(file.depth) + " " + std::string(file.path) + " " + std::string(file.name));
    return file.name == left_out ? Descend::no : Descend::yes;
  });
  if (!done) lines.push_back(done.error().message());
  return lines;
}

TEST(TreeWalk, DirectoriesPrecedeTheirChildrenInByteOrder) {
  const auto tree = merged({TarWriter().file("b/y", "1").file("b/x/z", "2").file("a", "3").file("B", "4")});
  EXPECT_THAT(walked(*tree, kRootInode, "/"),
              ElementsAre("0 / /", "1 /B B", "1 /a a", "1 /b b", "2 /b/x x", "3 /b/x/z z", "2 /b/y y"));
}

TEST(TreeWalk, PathsBeginWithThatOfTheStart) {
  const auto tree = merged({TarWriter().file("b/x/z", "2").hardlink("b/y", "b/x/z")});
  const Inode b = *tree->find(kRootInode, "b");
  EXPECT_THAT(walked(*tree, b, "/b"), ElementsAre("0 /b b", "1 /b/x x", "2 /b/x/z z", "1 /b/y y"));
  EXPECT_THAT(walked(*tree, *tree->find(b, "y"), "/b/y"), ElementsAre("0 /b/y y"));
}

TEST(TreeWalk, ADirectoryCanBeLeftOut) {
  const auto tree = merged({TarWriter().file("b/x/z", "2").file("c", "3")});
  EXPECT_THAT(walked(*tree, kRootInode, "/", "b"), ElementsAre("0 / /", "1 /b b", "1 /c c"));
}

TEST(TreeWalk, AnErrorEndsTheWalk) {
  const auto tree = merged({TarWriter().file("a", "1").file("b", "2")});
  int visited = 0;
  const auto done = walk_files(*tree, kRootInode, "/", [&](const WalkedFile&) -> Result<Descend> {
    ++visited;
    return fail(Errc::cancelled, "enough");
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(visited, 1);
}

TEST(TreeWalk, DeepDirectoriesNeedNoStack) {
  std::string path = "a";
  for (int i = 0; i < 20'000; ++i) path += "/a";
  const auto tree = merged({TarWriter().file(path, "x")});
  std::size_t deepest = 0;
  const auto done = walk_files(*tree, kRootInode, "/", [&](const WalkedFile& file) -> Result<Descend> {
    deepest = file.depth;
    return Descend::yes;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(deepest, 20'001u);
}

}  // namespace
}  // namespace layoutfs
