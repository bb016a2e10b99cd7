#include "tools/engine/storage_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace layoutfs::tools {
namespace {

using ::testing::HasSubstr;

constexpr const char* kStore = "/var/lib/store";

std::string with(const std::string& text) { return add_image_store(text, kStore).value(); }
std::string without(const std::string& text) { return remove_image_store(text, kStore).value(); }

TEST(StorageConf, ANewOneForRootNamesTheDirectoriesThatEnginesRequire) {
  EXPECT_EQ(new_storage_conf(kStore, false),
            "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\n"
            "graphroot = \"/var/lib/containers/storage\"\n\n[storage.options]\n"
            "additionalimagestores = [\"/var/lib/store\"]\n");
  EXPECT_EQ(new_storage_conf(kStore, true),
            "[storage]\ndriver = \"overlay\"\n\n[storage.options]\n"
            "additionalimagestores = [\"/var/lib/store\"]\n");
  EXPECT_EQ(new_storage_conf("/a\"b\\c", true),
            "[storage]\ndriver = \"overlay\"\n\n[storage.options]\n"
            "additionalimagestores = [\"/a\\\"b\\\\c\"]\n");
}

struct Edited {
  std::string before, after;
};
// Each keeps everything else, and removing the store restores the list's other items.
const std::vector<Edited> kEdited{
    {"", "\n[storage.options]\nadditionalimagestores = [\"/var/lib/store\"]\n"},
    {"[storage]\ndriver = \"overlay\"",
     "[storage]\ndriver = \"overlay\"\n\n[storage.options]\nadditionalimagestores = [\"/var/lib/store\"]\n"},
    {"[storage.options]", "[storage.options]\nadditionalimagestores = [\"/var/lib/store\"]\n"},
    {"[ storage.options ] # of all\nsize = \"\"\n[storage.options.overlay]\nmountopt = \"nodev\"\n",
     "[ storage.options ] # of all\nadditionalimagestores = [\"/var/lib/store\"]\nsize = \"\"\n"
     "[storage.options.overlay]\nmountopt = \"nodev\"\n"},
    {"[storage.options]\nadditionalimagestores = []\n",
     "[storage.options]\nadditionalimagestores = [\"/var/lib/store\"]\n"},
    {"[storage.options]\nadditionalimagestores = [\n  # two\n  '/a',\n  \"/b\", # ]\n]\nsize = \"\"\n",
     "[storage.options]\nadditionalimagestores = [\"/var/lib/store\", \n  # two\n  '/a',\n  \"/b\", # ]\n]\n"
     "size = \"\"\n"},
    {"[storage.options]\n# additionalimagestores = [\"/x\"]\nx = '''\n[a]\n'''\n",
     "[storage.options]\nadditionalimagestores = [\"/var/lib/store\"]\n# additionalimagestores = [\"/x\"]\n"
     "x = '''\n[a]\n'''\n"},
    {"x = \"\"\"\n[storage.options]\n\\\"\"\"\" # end\n[storage.options]\n",
     "x = \"\"\"\n[storage.options]\n\\\"\"\"\" # end\n[storage.options]\n"
     "additionalimagestores = [\"/var/lib/store\"]\n"},
};

TEST(StorageConf, AStoreIsAddedBeforeTheOthersAndNothingElseChanges) {
  for (const auto& [before, after] : kEdited) {
    EXPECT_EQ(with(before), after);
    EXPECT_EQ(with(after), after) << "it is there";
  }
}

TEST(StorageConf, RemovingAStoreLeavesTheOthers) {
  EXPECT_EQ(without(""), "");
  EXPECT_EQ(without("[storage.options]\nadditionalimagestores = ['/a']\n"),
            "[storage.options]\nadditionalimagestores = ['/a']\n");
  EXPECT_EQ(without("[storage.options]\nadditionalimagestores = [\"/a\", '/var/lib/store']\n"),
            "[storage.options]\nadditionalimagestores = [\"/a\"]\n");
  EXPECT_EQ(without("[storage.options]\nadditionalimagestores = [\"/var/lib/store\", \"/a\"]\n"),
            "[storage.options]\nadditionalimagestores = [\"/a\"]\n");
  for (const auto& [before, after] : kEdited) {
    const std::string removed = without(after);
    EXPECT_EQ(removed.find(kStore), std::string::npos) << removed;
    EXPECT_EQ(with(removed), with(without(with(removed))));
  }
}

TEST(StorageConf, OtherFormsAndBrokenFilesAreRefused) {
  for (const char* const text : {"[storage]\noptions.additionalimagestores = [\"/a\"]\n",
                                 "storage = { options = { additionalimagestores = [] } }\n",
                                 "[storage.options]\nadditionalimagestores = \"/a\"\n",
                                 "[storage.options]\nadditionalimagestores = [1]\n",
                                 "[storage.options]\n\"additionalimagestores\" = []\n"})
    EXPECT_EQ(add_image_store(text, kStore).error().code(), Errc::unsupported) << text;
  for (const char* const text : {"[storage", "x\n", "x =\n", "x = \"a\n", "x = [1, 2\n", "x = ]\n",
                                 "x = '''a\n", "[storage.options]\nadditionalimagestores = [\"/a\" \"/b\"]\n",
                                 "[storage.options]\nadditionalimagestores = [,]\n"}) {
    const auto changed = add_image_store(text, kStore);
    ASSERT_FALSE(changed) << text;
    EXPECT_EQ(changed.error().code(), Errc::invalid_argument);
    EXPECT_THAT(changed.error().message(), HasSubstr("is not valid TOML"));
    EXPECT_FALSE(remove_image_store(text, kStore)) << text;
  }
}

// Whatever stands there: the result has the store, and removing it gives a text that was possible before.
TEST(StorageConf, AnyFileIsChangedOrRefused) {
  const std::uint64_t seed = 40;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> pieces{"[storage.options]",
                                        "\n",
                                        "additionalimagestores",
                                        " = ",
                                        "[",
                                        "]",
                                        "\"",
                                        "'",
                                        "\"/a\"",
                                        ",",
                                        "#",
                                        "\"\"\"",
                                        "'''",
                                        "\\",
                                        "x = 1",
                                        "{",
                                        "}"};
  int changed = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string text;
    for (auto count = random() % 12; count > 0; --count) text += pieces[random() % pieces.size()];
    const auto added = add_image_store(text, kStore);
    if (!added) continue;
    ++changed;
    EXPECT_THAT(*added, HasSubstr(kStore)) << text;
    const auto again = add_image_store(*added, kStore);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, *added);
    const auto removed = remove_image_store(*added, kStore);
    ASSERT_TRUE(removed) << text;
    EXPECT_EQ(removed->find(kStore), std::string::npos) << text;
  }
  EXPECT_GT(changed, 1'000);
}

}  // namespace
}  // namespace layoutfs::tools
