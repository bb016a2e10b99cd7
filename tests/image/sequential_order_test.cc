// The order in which names are visited.
#include "core/image/sequential_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/image/merged.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::merged;
using testing::TarWriter;

std::vector<std::string> paths_of(const ImageTree& tree) {
  std::vector<std::string> paths;
  const auto done = visit_sequentially(tree, [&paths](const std::string& path, Inode) -> Status {
    paths.push_back(path);
    return {};
  });
  if (!done) paths.push_back("error: " + done.error().message());
  return paths;
}

TEST(SequentialOrder, DirectoriesAreFollowedByTheirContent) {
  const auto tree = merged({TarWriter().file("a/x", "1").file("a.b", "2").dir("a/c").file("b", "3")});
  EXPECT_THAT(paths_of(*tree), ElementsAre("", "a", "a/c", "a/x", "a.b", "b"));
}

TEST(SequentialOrder, TheOrderOfALayerIsKept) {
  const auto tree = merged(
      {TarWriter().file("z/2", "z").file("z/1", "z").symlink("z/0", "1").file("m", "m").file("a/x", "a")});
  EXPECT_THAT(paths_of(*tree), ElementsAre("", "z", "z/2", "z/1", "z/0", "m", "a", "a/x"));
}

TEST(SequentialOrder, LayersInByteOrderAreReadAtTheSameTime) {
  const auto tree = merged({TarWriter().file("a/1", "0").file("c", "0"),
                            TarWriter().file("a/2", "1").file("b", "1").file("d", "1")});
  EXPECT_THAT(paths_of(*tree), ElementsAre("", "a", "a/1", "a/2", "b", "c", "d"));
}

TEST(SequentialOrder, TheFirstOfSeveralNamesHasTheData) {
  const auto tree = merged({TarWriter().file("a", "1").file("b", "2").hardlink("c", "a").file("d", "3")});
  EXPECT_THAT(paths_of(*tree), ElementsAre("", "a", "b", "c", "d"));
}

TEST(SequentialOrder, ADirectoryOfLinksDoesNotComeBeforeTheData) {
  const auto tree = merged({TarWriter().file("z/a", "1").file("m", "2").hardlink("z-links/a", "z/a")});
  EXPECT_THAT(paths_of(*tree), ElementsAre("", "z", "z/a", "m", "z-links", "z-links/a"));
}

TEST(SequentialOrder, AnErrorEndsTheWalk) {
  const auto tree = merged({TarWriter().file("a", "1").file("b", "2")});
  int visited = 0;
  const auto done = visit_sequentially(*tree, [&visited](const std::string&, Inode) -> Status {
    ++visited;
    return fail(Errc::cancelled, "enough");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::cancelled);
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace layoutfs
