// A directory of layouts: its names, their order, and the files that are not read.
#include "core/oci/repository_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TempDir;
using testing::write_file;
using Names = std::vector<std::string>;

// Makes a directory a repository; the rest of a layout is not read.
void add_layout(const std::string& path) { write_file(path + "/oci-layout", "{}"); }

struct Tree {
  TempDir temp;
  RepositoryTree tree{temp / "tree"};

  explicit Tree(const Names& repositories = {}) {
    std::filesystem::create_directory(tree.directory());
    for (const std::string& name : repositories) add_layout(at(name));
  }
  std::string at(const std::string& name) const { return tree.directory() + "/" + name; }
  Names list(std::string_view start_after = "", std::size_t limit = 0) const {
    const auto names = tree.list(start_after, limit);
    return names ? *names : Names{names.error().message()};
  }
};

TEST(RepositoryTree, KnowsWhichNamesCanBeDirectories) {
  for (const char* name :
       {"a", "0", "a/b", "a-b", "a---b", "a.b", "a_b", "a__b", "a/b-c.d_e__f0", "blobs", "oci-layout",
        "index.json", "index.json.x", "index.json.x/y", "refs/manifests", "a/refs"})
    EXPECT_TRUE(is_repository_directory(name)) << name;
  for (const char* name : {"",
                           "/",
                           "a/",
                           "/a",
                           "a//b",
                           "A",
                           "a..b",
                           "a___b",
                           "a.-b",
                           "-a",
                           "a-",
                           ".a",
                           "a.",
                           "_a",
                           "a_",
                           "a b",
                           "a/..",
                           "a/.",
                           "..",
                           "a:b",
                           "a@b",
                           "a\n",
                           "a/blobs",
                           "a/oci-layout",
                           "a/index.json",
                           "a/index.json.x",
                           "a/blobs/b",
                           "blobs/blobs"})
    EXPECT_FALSE(is_repository_directory(name)) << name;
  EXPECT_TRUE(is_repository_directory("a/index.jsonx"));
  EXPECT_TRUE(is_repository_directory(std::string(255, 'a')));
  EXPECT_FALSE(is_repository_directory(std::string(256, 'a')));
  EXPECT_FALSE(is_repository_directory(std::string_view("a\0b", 3)));
}

TEST(RepositoryTree, ListsNestedRepositoriesInTheOrderOfTheirNames) {
  const Tree tree({"a0", "a/b", "a.b", "a-b", "a", "a-b/c", "a.b/c", "a/b/c"});
  EXPECT_THAT(tree.list(), ElementsAre("a", "a-b", "a-b/c", "a.b", "a.b/c", "a/b", "a/b/c", "a0"));
}

TEST(RepositoryTree, APageBeginsBehindAnyName) {
  const Tree tree({"a", "a-b", "a/b", "a/b/c", "a0", "b/c"});
  EXPECT_THAT(tree.list("", 2), ElementsAre("a", "a-b"));
  EXPECT_THAT(tree.list("a-b", 2), ElementsAre("a/b", "a/b/c"));
  EXPECT_THAT(tree.list("a/b/c", 2), ElementsAre("a0", "b/c"));
  EXPECT_THAT(tree.list("b/c", 2), IsEmpty());
  // Missing or invalid names.
  EXPECT_THAT(tree.list("a/", 1), ElementsAre("a/b"));
  EXPECT_THAT(tree.list("a.", 1), ElementsAre("a/b"));
  EXPECT_THAT(tree.list("a/b/b", 1), ElementsAre("a/b/c"));
  EXPECT_THAT(tree.list("A", 1), ElementsAre("a"));
  EXPECT_THAT(tree.list("\xff", 1), IsEmpty());
}

TEST(RepositoryTree, DirectoriesWithoutALayoutAreNoRepositories) {
  const Tree tree({"a/b"});
  std::filesystem::create_directories(tree.at("empty/below"));
  std::filesystem::create_directories(tree.at("odd/oci-layout"));
  EXPECT_THAT(tree.list(), ElementsAre("a/b"));
  const auto root = tree.tree.level("");
  ASSERT_TRUE(root);
  EXPECT_FALSE(root->is_layout);
  EXPECT_THAT(root->below, ElementsAre("a", "empty", "odd"));
  EXPECT_FALSE(tree.tree.level("a")->is_layout);
  EXPECT_TRUE(tree.tree.level("a/b")->is_layout);
}

TEST(RepositoryTree, WhatBelongsToALayoutIsNotLookedAt) {
  const Tree tree(
      {"a", "a/blobs/sha256", "a/index.json.tmp", "b/blobs", "blobs", "a/refs", "old", "old/refs"});
  write_file(tree.at("a/index.json"), "{}");
  EXPECT_THAT(tree.list(), ElementsAre("a", "a/refs", "blobs", "old"));
  EXPECT_THAT(tree.tree.level("a")->below, ElementsAre("refs"));
  EXPECT_THAT(tree.tree.level("old")->below, IsEmpty());
  EXPECT_THAT(tree.tree.level("b")->below, IsEmpty());
  for (const char* name : {"a/blobs", "a/blobs/sha256", "old/refs", "b/blobs"}) {
    EXPECT_EQ(tree.tree.path_of(name).error().code(), Errc::not_found) << name;
    EXPECT_EQ(tree.tree.open(name).error().code(), Errc::not_found) << name;
  }
  // A layout that is taken for the whole tree.
  const RepositoryTree inner(tree.at("a"));
  EXPECT_THAT(inner.list("", 0).value(), ElementsAre("refs"));
}

TEST(RepositoryTree, NoSymlinkBelowTheDirectoryIsFollowed) {
  const Tree tree({"a", "a/b"});
  add_layout(tree.temp / "outside/in");
  std::filesystem::create_directory_symlink(tree.temp / "outside", tree.at("out"));
  std::filesystem::create_directory_symlink("a", tree.at("again"));
  std::filesystem::create_directory_symlink("..", tree.at("a/loop"));
  std::filesystem::create_directory(tree.at("c"));
  std::filesystem::create_symlink(tree.at("a/oci-layout"), tree.at("c/oci-layout"));
  EXPECT_THAT(tree.list(), ElementsAre("a", "a/b"));
  for (const char* name : {"out", "out/in", "again", "again/b", "a/loop", "a/loop/a"}) {
    EXPECT_EQ(tree.tree.path_of(name).error().code(), Errc::not_found) << name;
    EXPECT_EQ(tree.tree.open(name).error().code(), Errc::not_found) << name;
    EXPECT_EQ(tree.tree.level(name).error().code(), Errc::not_found) << name;
  }
  EXPECT_EQ(tree.tree.path_of("a/b"), tree.at("a/b"));
  // The directory itself may be one: it is the user's own word.
  const RepositoryTree through(tree.at("again"));
  EXPECT_THAT(through.list("", 0).value(), ElementsAre("b"));
}

TEST(RepositoryTree, NamesThatAreNoneArePassedOver) {
  const Tree tree({"a", "Upper", "a/..b", "lost+found", ".hidden/a", "a/b c", "a/x___y/z"});
  EXPECT_THAT(tree.list(), ElementsAre("a"));
  for (const char* name : {"Upper", "a/..", "..", ".", "a/../a", "/", "a/", "/etc"})
    EXPECT_EQ(tree.tree.path_of(name).error().code(), Errc::not_found) << name;
  EXPECT_FALSE(tree.tree.path_of(""));
  EXPECT_FALSE(tree.tree.open("a/../a"));
  EXPECT_FALSE(tree.tree.open(std::string_view("a\0b", 3)));
}

TEST(RepositoryTree, TheLengthOfANameBoundsTheDepth) {
  std::string deep = "a";
  while (deep.size() + 2 <= 255) deep += "/a";
  const Tree tree({deep, deep + "/a", deep + "/a/a/a"});
  EXPECT_EQ(deep.size(), 255u);
  EXPECT_THAT(tree.list(), ElementsAre(deep));
  EXPECT_TRUE(tree.tree.path_of(deep));
  EXPECT_FALSE(tree.tree.path_of(deep + "/a"));
}

TEST(RepositoryTree, ADirectoryThatIsMissingHoldsNone) {
  const TempDir temp;
  const RepositoryTree tree(temp / "nothing");
  EXPECT_THAT(tree.list("", 0).value(), IsEmpty());
  EXPECT_EQ(tree.level("").error().code(), Errc::not_found);
  EXPECT_EQ(tree.open("").error().code(), Errc::not_found);
  EXPECT_EQ(tree.path_of("a").error().code(), Errc::not_found);
}

TEST(RepositoryTree, ADirectoryThatMayNotBeReadIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  const Tree tree({"a", "b/c", "d", "e", "f/g"});
  ::chmod(tree.temp.path().c_str(), 0755);
  ::chmod(tree.at("b").c_str(), 0700);
  ::chmod(tree.at("f").c_str(), 0711);
  const testing::AsNobody nobody;
  EXPECT_THAT(tree.tree.list("", 0).error().message(), HasSubstr(tree.at("b") + ": "));
  EXPECT_EQ(tree.tree.list("", 0).error().code(), Errc::io);
  EXPECT_EQ(tree.tree.level("b").error().sys(), EACCES);
  EXPECT_EQ(tree.tree.path_of("b/c").error().sys(), EACCES);
  // It does not affect results that are independent of it.
  EXPECT_THAT(tree.list("", 1), ElementsAre("a"));
  EXPECT_THAT(tree.list("b0", 2), ElementsAre("d", "e"));
  // The repositories can be opened by name, but not listed.
  EXPECT_TRUE(tree.tree.path_of("f/g"));
  EXPECT_THAT(tree.tree.list("e", 0).error().message(), HasSubstr(tree.at("f") + ": "));
}

TEST(RepositoryTree, ListingEndsOnRequest) {
  const Tree tree({"a/b"});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(tree.tree.list("", 0, Context{stop.get_token(), {}}).error().code(), Errc::cancelled);
}

TEST(RepositoryTree, EveryPageOfAnyTreeIsThatOfTheSortedNames) {
  constexpr std::string_view kPieces[] = {"a", "b", "a-b", "a.b", "a--a", "a0", "a_b", "ab", "0"};
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::set<std::string> names;  // the oracle: std::string's order
    while (names.size() < 120) {
      std::string name;
      for (auto depth = 1 + random() % 4; depth > 0; --depth)
        name.append(name.empty() ? "" : "/").append(kPieces[random() % std::size(kPieces)]);
      names.insert(name);
    }
    const Tree tree({names.begin(), names.end()});
    const Names sorted(names.begin(), names.end());
    ASSERT_EQ(tree.list(), sorted);
    for (int i = 0; i < 60; ++i) {
      std::string start = *std::next(names.begin(), static_cast<std::ptrdiff_t>(random() % names.size()));
      // Includes missing names: a part of a name, or one just before or after it.
      if (const auto kind = random() % 4; kind > 0) {
        if (kind == 1) start.resize(random() % (start.size() + 1));
        if (kind == 2) start += "-./0z"[random() % 5];
        if (kind == 3) --start.back();
      }
      const std::size_t limit = random() % 9;
      const auto first = std::ranges::upper_bound(sorted, start);
      const auto left = static_cast<std::size_t>(sorted.end() - first);
      const Names expected(first,
                           first + static_cast<std::ptrdiff_t>(limit == 0 ? left : std::min(limit, left)));
      EXPECT_EQ(tree.list(start, limit), expected) << "after '" << start << "', at most " << limit;
    }
  }
}

}  // namespace
}  // namespace layoutfs
