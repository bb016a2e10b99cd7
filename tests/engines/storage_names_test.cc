#include "core/engines/storage_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace layoutfs {
namespace {

using ::testing::ElementsAre;

Descriptor entry_named(std::string_view ref_name, std::string_view full_name = {}) {
  Descriptor entry;
  if (!ref_name.empty()) entry.annotations.emplace(kRefName, ref_name);
  if (!full_name.empty()) entry.annotations.emplace(kContainerdName, full_name);
  return entry;
}

// `sha256sum` gives the same: printf %s+%s A B | sha256sum.
TEST(StorageNames, IdsOfLayersAreThoseOfContainersImage) {
  const auto a = Digest::parse("sha256:" + std::string(64, 'a')).value();
  const auto b = Digest::parse("sha256:" + std::string(64, 'b')).value();
  const std::vector<Digest> diff_ids{a, b, b};
  const auto ids = storage_layer_ids(diff_ids);
  const std::string second = Digest::of(as_bytes(a.hex() + "+" + b.hex())).hex();
  EXPECT_THAT(ids, ElementsAre(a.hex(), second, Digest::of(as_bytes(second + "+" + b.hex())).hex()));
}

// base64.b32encode(hashlib.sha256(b"layer").digest())[:26] of Python.
TEST(StorageNames, ALinkIsTheSameInEveryVersion) {
  const std::string link = storage_link("layer");
  EXPECT_EQ(link, "3LA5PT5JKAQXMSCJ7UICKJHBIF");
  EXPECT_EQ(storage_link("layer"), link);
  EXPECT_NE(storage_link("layes"), link);
}

TEST(StorageNames, ItemsAreFilesAsContainersStorageNamesThem) {
  EXPECT_EQ(storage_item_file("manifest"), "manifest");
  EXPECT_EQ(storage_item_file("a.0z"), "a.0z");
  EXPECT_EQ(storage_item_file("sha256:ab"), "=c2hhMjU2OmFi");
  EXPECT_EQ(storage_item_file("manifest-sha256:ab"), "=bWFuaWZlc3Qtc2hhMjU2OmFi");
  EXPECT_EQ(storage_item_file("."), std::nullopt);
  EXPECT_EQ(storage_item_file(""), std::nullopt);
  EXPECT_EQ(storage_item_file(std::string(300, 'a')), std::nullopt);
}

TEST(StorageNames, TheRepositoryOfALayoutIsItsNameAsFarAsPossible) {
  for (const auto& [path, repository] : {std::pair("/srv/img", "localhost/img"),
                                         {"/srv/img/", "localhost/img"},
                                         {"img", "localhost/img"},
                                         {"/srv/My Images.tar", "localhost/my-images"},
                                         {"/srv/a__b--c.d", "localhost/a_b-c.d"},
                                         {"/srv/-x-", "localhost/x"},
                                         {"/", "localhost/layout"},
                                         {"/srv/\xc3\xa9", "localhost/layout"}})
    EXPECT_EQ(storage_repository_of_path(path), repository) << path;
}

TEST(StorageNames, ARepositoryWithARegistryKeepsIt) {
  EXPECT_EQ(storage_repository_of_name("app"), "localhost/app");
  EXPECT_EQ(storage_repository_of_name("team/app"), "localhost/team/app");
  EXPECT_EQ(storage_repository_of_name("quay.io/team/app"), "quay.io/team/app");
  EXPECT_EQ(storage_repository_of_name("localhost/app"), "localhost/app");
}

TEST(StorageNames, AnEntryIsNamedAsPeopleLookForIt) {
  struct Case {
    const char *ref_name, *full_name, *expected;
  };
  for (const auto& [ref_name, full_name, expected] : {
           Case{"1.0", "", "localhost/img:1.0"},
           {"app", "", "localhost/img:app"},
           {"alpine:3.19", "", "localhost/alpine:3.19"},
           {"team/app", "", "localhost/team/app:latest"},
           {"quay.io/team/app:1", "", "quay.io/team/app:1"},
           {"localhost:5000/app:1", "", "localhost:5000/app:1"},
           {"localhost/app:1", "", "localhost/app:1"},
           {"docker.io/busybox", "", "docker.io/library/busybox:latest"},
           {"3.19", "docker.io/library/alpine:3.19", "docker.io/library/alpine:3.19"},
           {"alpine:3.19", "docker.io/library/alpine:3.19", "docker.io/library/alpine:3.19"},
           {"quay.io/a:1", "docker.io/library/alpine:3.19", "quay.io/a:1"},
           {"", "", ""},
           {"Has Blanks", "", ""},
           {"UPPER/case:1", "", ""},
           {"../../etc", "", ""},
       })
    EXPECT_EQ(storage_image_name(entry_named(ref_name, full_name), "localhost/img"), expected)
        << ref_name << " " << full_name;
}

TEST(StorageNames, ATagInARepositoryWithARegistryBelongsToThat) {
  EXPECT_EQ(storage_image_name(entry_named("1.0"), "quay.io/team/app"), "quay.io/team/app:1.0");
}

}  // namespace
}  // namespace layoutfs
