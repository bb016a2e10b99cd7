// Misspelled words and the known ones that they were meant to be.
#include "core/base/nearest_word.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

namespace layoutfs {
namespace {

const std::vector<std::string> kCommands{"mount", "mounts", "umount", "ls", "cat", "inspect", "push", "pull"};

TEST(AMisspelledWord, IsTheNearestKnownOne) {
  for (const auto& [word, meant] : {std::pair<std::string_view, std::string_view>{"mount", "mount"},
                                    {"mout", "mount"},
                                    {"moutn", "mount"},
                                    {"unmount", "umount"},
                                    {"sl", "ls"},
                                    {"lst", "ls"},
                                    {"inpsect", "inspect"},
                                    {"puhs", "push"}})
    EXPECT_EQ(nearest_word(word, kCommands), meant) << word;
}

TEST(AMisspelledWord, MayBeTheBeginningOfAKnownOneOrAbbreviateIt) {
  EXPECT_EQ(nearest_word("insp", kCommands), "inspect");
  EXPECT_EQ(nearest_word("mo", kCommands), "mount") << "the shortest";
  EXPECT_EQ(nearest_word("mnt", kCommands), "mount");
  constexpr std::array<std::string_view, 2> kNames{"abcdefghij", "abcdz"};
  EXPECT_EQ(nearest_word("abcdef", kNames), "abcdz") << "a misspelling goes before";
}

TEST(AMisspelledWord, ThatIsLikeNoKnownOneIsNone) {
  for (const std::string_view word : {"", "x", "delete", "frobnicate"})
    EXPECT_EQ(nearest_word(word, kCommands), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'm'), kCommands), "");
  EXPECT_EQ(nearest_word("mount", std::vector<std::string>()), "");
}

TEST(AMisspelledWord, IsComparedWithWordsThatAreTaken) {
  NearestWord nearest("image");
  EXPECT_TRUE(nearest.is_nearer("images"));
  EXPECT_EQ(nearest.found(), "") << "nothing was taken";
  nearest.take("images");
  EXPECT_FALSE(nearest.is_nearer("imagex")) << "the first of several";
  EXPECT_FALSE(nearest.is_nearer("other"));
  nearest.consider("image");
  EXPECT_EQ(nearest.found(), "image");
}

}  // namespace
}  // namespace layoutfs
