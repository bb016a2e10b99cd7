// The entries found by names, and the names of entries in lists.
#include "core/oci/entry_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/cas/named_entries.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Descriptor named_entry(std::string_view content, std::string_view ref_name, std::string_view full = {},
                       std::optional<Platform> platform = {}) {
  Descriptor entry{.digest = Digest::of(as_bytes(content)), .size = 1, .platform = std::move(platform)};
  if (!ref_name.empty()) entry.annotations.emplace(kRefName, ref_name);
  if (!full.empty()) entry.annotations.emplace(kContainerdName, full);
  return entry;
}

std::string short_of(std::string_view content) {
  return std::string(Digest::of(as_bytes(content)).short_hex());
}

std::vector<std::string> labels(const std::vector<Descriptor>& entries) {
  const EntryNames names(entries);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < entries.size(); ++i) all.push_back(names.label(i));
  return all;
}

const std::vector<Descriptor> kSaved{named_entry("n", "latest", "docker.io/library/nginx:latest"),
                                     named_entry("r", "latest", "docker.io/library/redis:latest"),
                                     named_entry("a", "latest", "registry.test:5000/team/app:latest"),
                                     named_entry("o", "1.0", "localhost/own:1.0")};

TEST(ANameOfAnEntry, IsItsRefNameIfNoOtherImageHasIt) {
  EXPECT_THAT(labels({named_entry("x", "a"), named_entry("y", "b", "docker.io/library/b:1"),
                      named_entry("x", "a"), named_entry("z", "")}),
              ElementsAre("a", "b", "a", "@3"));
}

TEST(ANameOfAnEntry, IsItsFullNameIfOtherImagesHaveItsRefName) {
  EXPECT_THAT(labels(kSaved), ElementsAre("docker.io/library/nginx:latest", "docker.io/library/redis:latest",
                                          "registry.test:5000/team/app:latest", "1.0"));
  // Even if it is the same content with two names.
  EXPECT_THAT(labels({named_entry("x", "1", "a:1"), named_entry("x", "1", "b:1")}),
              ElementsAre("a:1", "b:1"));
  EXPECT_THAT(labels({named_entry("x", "", "a:1"), named_entry("y", "", "b:1")}), ElementsAre("a:1", "b:1"));
}

TEST(ANameOfAnEntry, HasItsDigestIfNothingElseTellsItFromOthers) {
  EXPECT_THAT(labels({named_entry("x", "a", {}, Platform{"linux", "amd64"}),
                      named_entry("y", "a", {}, Platform{"linux", "arm64"})}),
              ElementsAre("a@" + short_of("x"), "a@" + short_of("y")));
  EXPECT_THAT(
      labels({named_entry("x", "1", "a:1"), named_entry("y", "1", "a:1"), named_entry("z", "1", "b:1")}),
      ElementsAre("a:1@" + short_of("x"), "a:1@" + short_of("y"), "b:1"));
  EXPECT_THAT(labels({named_entry("x", "1", "a:1"), named_entry("y", "1"), named_entry("z", "a:1")}),
              ElementsAre("a:1@" + short_of("x"), "1@" + short_of("y"), "a:1"));
}

TEST(ANameOfAnEntry, IsItsPositionIfItsDigestIsThatOfOthersToo) {
  EXPECT_THAT(
      labels({named_entry("x", "", "a:1"), named_entry("x", "1", "a:1"), named_entry("y", "1", "b:1")}),
      ElementsAre("@0", "@1", "b:1"));
}

TEST(ANameOfAnEntry, FindsThatEntry) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<const char*> list) {
    return *(list.begin() + random() % list.size());
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Descriptor> entries(1 + random() % 6);
    for (Descriptor& each : entries)
      each =
          named_entry(pick({"u", "v", "w", "x", "y", "z"}),
                      pick({"", "latest", "1", "a:1", "b@c", "docker.io/library/a:1"}),
                      pick({"", "", "a:1", "docker.io/library/a:1", "docker.io/library/b:latest", "latest"}));
    const EntryNames names(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::string label = names.label(i);
      if (label == "@" + std::to_string(i)) continue;
      const auto found = names.find(label);
      EXPECT_THAT(found, ::testing::Contains(i)) << label;
      for (const std::size_t other : found) EXPECT_TRUE(is_same_image(entries[other], entries[i])) << label;
    }
  }
}

TEST(AName, FindsEntriesByItsFamiliarForm) {
  const EntryNames names(kSaved);
  for (const char* name :
       {"redis:latest", "library/redis:latest", "docker.io/redis:latest", "docker.io/library/redis:latest",
        "index.docker.io/library/redis:latest", "redis", "library/redis", "docker.io/library/redis"})
    EXPECT_THAT(names.find(name), ElementsAre(1u)) << name;
  EXPECT_THAT(names.find("registry.test:5000/team/app"), ElementsAre(2u));
  EXPECT_THAT(names.find("localhost/own:1.0"), ElementsAre(3u));
  EXPECT_THAT(names.find("latest"), ElementsAre(0u, 1u, 2u));
  for (const char* name :
       {"redis:7", "team/app:latest", "team/app", "own:1.0", "other/redis:latest",
        "redis:", "localhost/redis:latest", "localhost:5000/redis:latest", "Redis:latest", ""})
    EXPECT_THAT(names.find(name), IsEmpty()) << name;
}

TEST(AName, FindsExactlyWhatItIsBeforeAnythingElse) {
  const std::vector<Descriptor> entries{
      named_entry("x", "redis:latest"), named_entry("y", "latest", "docker.io/library/redis:latest"),
      named_entry("z", "redis"),        named_entry("u", "foo:web"),
      named_entry("v", "web:latest"),   named_entry("w", "1", "foo:1")};
  const EntryNames names(entries);
  EXPECT_THAT(names.find("redis:latest"), ElementsAre(0u));
  EXPECT_THAT(names.find("docker.io/library/redis:latest"), ElementsAre(1u));
  EXPECT_THAT(names.find("library/redis:latest"), ElementsAre(0u, 1u));
  EXPECT_THAT(names.find("redis"), ElementsAre(2u));
  // An existing tag takes precedence over an implied one.
  EXPECT_THAT(names.find("web"), ElementsAre(3u));
  EXPECT_THAT(names.find("foo:1"), ElementsAre(5u));
}

TEST(AName, MayHaveADigestBehindIt) {
  const EntryNames names(kSaved);
  const std::string redis = Digest::of(as_bytes("r")).str();
  for (const std::string& name :
       {"latest@" + redis, "redis@" + redis, "redis:latest@" + redis, "latest@" + short_of("r"),
        "latest@sha256:" + short_of("r"), "latest@" + short_of("r").substr(0, 7)})
    EXPECT_THAT(names.find(name), ElementsAre(1u)) << name;
  for (const std::string& name : {"nginx@" + redis, "latest@" + short_of("r").substr(0, 6),
                                  std::string("latest@"), "latest@sha512:" + short_of("r"), "@" + redis})
    EXPECT_THAT(names.find(name), IsEmpty()) << name;
  const std::vector<Descriptor> odd{named_entry("x", "a@b"), named_entry("y", "a")};
  EXPECT_THAT(EntryNames(odd).find("a@b"), ElementsAre(0u));
  EXPECT_THAT(EntryNames(odd).find("a@" + short_of("y")), ElementsAre(1u));
}

TEST(AName, WhoseEntriesAreManyIsFoundSoon) {
  std::vector<Descriptor> entries;
  for (int i = 0; i < 20'000; ++i)
    entries.push_back(
        named_entry(std::to_string(i), "latest", "docker.io/library/app" + std::to_string(i) + ":latest"));
  const EntryNames names(entries);
  EXPECT_THAT(names.find("app19999"), ElementsAre(19'999u));
  EXPECT_EQ(names.label(7), "docker.io/library/app7:latest");
  EXPECT_EQ(names.find("latest").size(), entries.size());
}

}  // namespace
}  // namespace layoutfs
