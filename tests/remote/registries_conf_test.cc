#include "core/remote/registries_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/results.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using ::testing::HasSubstr;
using testing::must;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

class RegistriesConfTest : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view content) const {
    write_file(directory_ / name, content);
  }
  // Returns the location of the entry for `name`; "none" if there is no entry.
  std::string location_of(std::string_view name) const {
    const auto conf = must(RegistriesConf::read(paths_));
    const RegistryEntry* const entry = conf.find(name);
    return entry == nullptr ? "none" : entry->rewritten(name, entry->location);
  }

  TempDir directory_;
  ConfigPaths paths_{.user = directory_ / "user", .system = directory_ / "system"};
};

std::string entry(const std::string& prefix, const std::string& location) {
  return "[[registry]]\nprefix = '" + prefix + "'\nlocation = '" + location + "'\n";
}

TEST_F(RegistriesConfTest, WithoutFilesThereAreNoEntries) {
  EXPECT_EQ(location_of("a.io/b"), "none");
  paths_.user.clear();
  EXPECT_EQ(location_of("a.io/b"), "none");
}

TEST_F(RegistriesConfTest, TheLongestPrefixWins) {
  write("system/registries.conf", entry("a.io", "one.io") + entry("a.io/b/c", "three.io/x/") +
                                      entry("a.io/b", "two.io/y") + entry("*.b.io", "") +
                                      entry("xx.b.io", "exact.io") + entry("a.io:5000", "port.io"));
  EXPECT_EQ(location_of("a.io/d"), "one.io/d");
  EXPECT_EQ(location_of("a.io/b"), "two.io/y");
  EXPECT_EQ(location_of("a.io/b/d"), "two.io/y/d");
  EXPECT_EQ(location_of("a.io/b/c/d"), "three.io/x/d");
  EXPECT_EQ(location_of("a.io/bc"), "one.io/bc");
  EXPECT_EQ(location_of("a.io:5000/b"), "port.io/b");
  EXPECT_EQ(location_of("a.io:5001/b"), "none");
  EXPECT_EQ(location_of("a.ion/b"), "none");
  EXPECT_EQ(location_of("z.y.b.io:1/c"), "z.y.b.io:1/c");
  EXPECT_EQ(location_of("xx.b.io/c"), "exact.io/c");
  EXPECT_EQ(location_of("b.io/c"), "none");
  EXPECT_EQ(location_of("c.io/x.b.io"), "none");
}

TEST_F(RegistriesConfTest, ASubdomainIsReplacedButNotItsPort) {
  write("system/registries.conf", entry("*.b.io", "other.io"));
  EXPECT_EQ(location_of("x.b.io:5000/c"), "other.io:5000/c");
}

TEST_F(RegistriesConfTest, LocationAloneIsThePrefix) {
  write("system/registries.conf",
        "[[registry]]\nlocation = 'a.io/b/'\nmirror-by-digest-only = true\n"
        "[[registry.mirror]]\nlocation = 'm.io'\ninsecure = true\n[[registry.mirror]]\nlocation = 'n.io'\n");
  const auto conf = must(RegistriesConf::read(paths_));
  const RegistryEntry* const found = conf.find("a.io/b/c");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->prefix, "a.io/b");
  EXPECT_TRUE(found->redirects());
  ASSERT_EQ(found->mirrors.size(), 2u);
  EXPECT_TRUE(found->mirrors[0].is_insecure);
  EXPECT_EQ(found->mirrors[0].use, RegistryMirror::Use::by_digest);
  EXPECT_EQ(found->rewritten("a.io/b/c", found->mirrors[0].location), "m.io/c");
  EXPECT_EQ(found->mirrors[1].location, "n.io");
}

TEST_F(RegistriesConfTest, DropInsReplaceEntriesOfTheSamePrefix) {
  write("system/registries.conf",
        entry("a.io", "main.io") + entry("a.io", "ignored.io") + entry("b.io", "main.io"));
  write("system/registries.conf.d/2.conf", entry("a.io", "second.io"));
  write("system/registries.conf.d/1.conf", entry("a.io", "first.io") + entry("c.io", "first.io"));
  write("system/registries.conf.d/3.other", entry("a.io", "other.io"));
  EXPECT_EQ(location_of("a.io"), "second.io");
  EXPECT_EQ(location_of("b.io"), "main.io");
  EXPECT_EQ(location_of("c.io"), "first.io");
  write("user/registries.conf.d/0.conf", entry("a.io", "user.io"));
  EXPECT_EQ(location_of("a.io"), "user.io");
}

TEST_F(RegistriesConfTest, TheUsersFileReplacesTheSystems) {
  write("system/registries.conf", entry("a.io", "system.io"));
  write("system/registries.conf.d/1.conf", entry("b.io", "system.io"));
  write("user/registries.conf.d/1.conf", entry("c.io", "user.io"));
  write("user/registries.conf", "");
  EXPECT_EQ(location_of("a.io"), "none");
  EXPECT_EQ(location_of("b.io"), "none");
  EXPECT_EQ(location_of("c.io"), "user.io");
}

TEST_F(RegistriesConfTest, AChosenFileReplacesBothAndMustExist) {
  write("user/registries.conf", entry("a.io", "user.io"));
  paths_.registries_conf = directory_ / "chosen.conf";
  const auto missing = RegistriesConf::read(paths_);
  ASSERT_EQ(failure_of(missing), Errc::not_found);
  EXPECT_THAT(missing.error().hint(), HasSubstr("CONTAINERS_REGISTRIES_CONF"));
  write("chosen.conf", entry("a.io", "chosen.io"));
  EXPECT_EQ(location_of("a.io"), "chosen.io");
}

TEST_F(RegistriesConfTest, TheListsOfVersion1AreRead) {
  write("system/registries.conf",
        "[registries.search]\nregistries = ['s.io']\n[registries.insecure]\nregistries = ['a.io', 'b.io']\n"
        "[registries.block]\nregistries = ['b.io']\n");
  const auto conf = must(RegistriesConf::read(paths_));
  EXPECT_EQ(conf.find("s.io"), nullptr);
  EXPECT_TRUE(conf.find("a.io/x")->is_insecure);
  EXPECT_FALSE(conf.find("a.io/x")->is_blocked);
  EXPECT_TRUE(conf.find("b.io")->is_insecure);
  EXPECT_TRUE(conf.find("b.io")->is_blocked);
  EXPECT_FALSE(conf.find("b.io")->redirects());
}

TEST_F(RegistriesConfTest, MalformedEntriesAreNamedByTheirLine) {
  const std::string mirror = "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\n";
  const std::vector<std::string> texts = {
      "registry = 1\n",
      "[registry]\n",
      "[[registry]]\n",
      "[[registry]]\nprefix = 'a.io'\n",
      "[[registry]]\nlocation = 1\n",
      "[[registry]]\nlocation = 'https://a.io'\n",
      "[[registry]]\nlocation = 'a.io'\ninsecure = 'yes'\n",
      entry("*.a.io/b", "b.io"),
      mirror,
      mirror + "location = ''\n",
      mirror + "location = 'm.io'\npull-from-mirror = 'never'\n",
      "[[registry]]\nlocation = 'a.io'\nmirror = 'm.io'\n",
      "[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "
      "'m.io'\npull-from-mirror = 'all'\n"};
  for (const std::string& text : texts) {
    write("system/registries.conf", text);
    const auto conf = RegistriesConf::read(paths_);
    ASSERT_EQ(failure_of(conf), Errc::invalid_argument) << text;
    EXPECT_THAT(conf.error().message(), StartsWith(directory_ / "system/registries.conf:")) << text;
  }
}

}  // namespace
}  // namespace layoutfs
