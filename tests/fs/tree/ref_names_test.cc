// Names of references as paths.
#include "fs/tree/ref_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Digest digest(std::string_view of) { return Digest::of(as_bytes(of)); }

Descriptor entry(std::string_view name, std::string_view content) {
  Descriptor descriptor{.digest = digest(content), .size = content.size()};
  descriptor.annotations.emplace(kRefName, name);
  return descriptor;
}

std::string short_of(std::string_view content) { return std::string(digest(content).short_hex()); }

using Paths = std::vector<std::pair<std::string, Digest>>;
void collect(const RefDirectory& directory, const std::string& above, Paths& paths) {
  for (const auto& [name, what] : directory.children) {
    if (const auto* below = std::get_if<RefDirectory>(&what))
      collect(*below, above + name + "/", paths);
    else
      paths.emplace_back(above + name, std::get<Digest>(what));
  }
}
Paths paths_of(const std::vector<Descriptor>& entries) {
  Paths paths;
  collect(lay_out_references(entries), "", paths);
  return paths;
}

TEST(RefNames, OrdinaryNamesAreTheirOwnPaths) {
  EXPECT_THAT(paths_of({entry("latest", "1"), entry("busybox:latest", "2"), entry("a.b/c/d:1", "3"),
                        entry("100%", "4"), entry("...", "5"), entry("a b\n", "6")}),
              UnorderedElementsAre(Pair("latest", digest("1")), Pair("busybox:latest", digest("2")),
                                   Pair("a.b/c/d:1", digest("3")), Pair("100%", digest("4")),
                                   Pair("...", digest("5")), Pair("a b\n", digest("6"))));
}

TEST(RefNames, NamesThatAreNoPathsArePercentEncoded) {
  EXPECT_THAT(paths_of({entry("/etc/passwd", "1"), entry("..", "2"), entry(".", "3"), entry("a/../b", "4"),
                        entry("a//b", "5"), entry("a/", "6"), entry(std::string_view("n\0ul", 4), "7")}),
              UnorderedElementsAre(Pair("%2Fetc%2Fpasswd", digest("1")), Pair("%2E%2E", digest("2")),
                                   Pair("%2E", digest("3")), Pair("a%2F..%2Fb", digest("4")),
                                   Pair("a%2F%2Fb", digest("5")), Pair("a%2F", digest("6")),
                                   Pair("n%00ul", digest("7"))));
}

TEST(RefNames, EntriesWithoutANameHaveNoPath) {
  const Descriptor nameless{.digest = digest("1"), .size = 1};
  EXPECT_THAT(paths_of({nameless, entry("", "2")}), ElementsAre());
}

TEST(RefNames, OneNameWithTwoDigestsShowsTheFirstAndTheOtherWithItsDigest) {
  EXPECT_THAT(paths_of({entry("a/x", "1"), entry("a/x", "2"), entry("a/x", "1"), entry("a/x", "3")}),
              UnorderedElementsAre(Pair("a/x", digest("1")), Pair("a/x@" + short_of("2"), digest("2")),
                                   Pair("a/x@" + short_of("3"), digest("3"))));
}

TEST(RefNames, ANameAndADirectoryInEachOthersWayAreBothShown) {
  EXPECT_THAT(paths_of({entry("a", "1"), entry("a/b", "2")}),
              UnorderedElementsAre(Pair("a", digest("1")), Pair("a%2Fb", digest("2"))));
  EXPECT_THAT(paths_of({entry("a/b", "2"), entry("a", "1")}),
              UnorderedElementsAre(Pair("a/b", digest("2")), Pair("a@" + short_of("1"), digest("1"))));
}

TEST(RefNames, EveryComponentThatComesOutIsAValidName) {
  std::vector<Descriptor> entries;
  std::string deep = "x";
  for (int i = 0; i < 900; ++i) deep += "/x";
  for (const std::string& name :
       {std::string(255, 'a'), std::string(256, 'e'), std::string(5000, 'b'), std::string(254, '%') + "/",
        std::string(300, '/'), deep, std::string(250, 'c') + "/" + std::string(255, 'd')})
    for (const auto* content : {"1", "2"}) entries.push_back(entry(name, content));
  const auto paths = paths_of(entries);
  EXPECT_EQ(paths.size(), entries.size());
  for (const auto& [path, of] : paths) {
    std::string_view rest = path;
    for (bool is_last = false; !is_last;) {
      const auto slash = rest.find('/');
      const auto component = rest.substr(0, slash);
      EXPECT_TRUE(!component.empty() && component.size() <= 255 && component != "." && component != "..")
          << path;
      is_last = slash == std::string_view::npos;
      if (!is_last) rest.remove_prefix(slash + 1);
    }
    EXPECT_LE(std::ranges::count(path, '/'), 15) << path;
  }
}

}  // namespace
}  // namespace layoutfs
