// Tags that are listed, moved and deleted, and entries that other programs have named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::entry_names;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::kIndexType;
using testing::kManifestType;
using testing::LayoutWriter;
using testing::must;
using testing::named;
using testing::push_image;
using testing::push_manifest;
using testing::registry_failure_of;
using testing::text_of;

using Names = std::vector<std::string>;

class Tags : public testing::OneLayout {
 protected:
  Names page(std::string after, std::size_t limit) {
    return must(registry->tags(kApp, {.start_after = std::move(after), .limit = limit}));
  }
};

TEST_F(Tags, AreListedInPages) {
  push_image(*registry, kApp, "layer", {"echo", "bravo", "alpha", "delta", "charlie"});
  push_image(*registry, "other", "layer", {"beside"});
  const Names all{"alpha", "bravo", "charlie", "delta", "echo"};
  for (const std::size_t limit : {std::size_t{0}, std::size_t{5}, std::size_t{100}, SIZE_MAX})
    EXPECT_EQ(page("", limit), all) << limit;
  EXPECT_THAT(page("", 3), ElementsAre("alpha", "bravo", "charlie"));
  EXPECT_THAT(page("", 1), ElementsAre("alpha"));
  EXPECT_THAT(page("bravo", 2), ElementsAre("charlie", "delta"));
  EXPECT_THAT(page("bravo", 0), ElementsAre("charlie", "delta", "echo"));
  EXPECT_THAT(page("brave", 1), ElementsAre("bravo")) << "after what does not exist";
  EXPECT_THAT(page("bravo0", 1), ElementsAre("charlie"));
  EXPECT_THAT(page("echo", 0), IsEmpty());
  EXPECT_THAT(page("zulu", 3), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags("unknown")), RegistryCode::name_unknown);
}

TEST_F(Tags, AreAllOnSomePage) {
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) expected.push_back("v" + std::to_string(i));
  push_image(*registry, kApp, "layer", expected);
  std::ranges::sort(expected);
  for (const std::size_t limit : {1U, 3U, 20U, 39U, 40U, 41U}) {
    Names found;
    for (Names next = page("", limit); !next.empty() && found.size() <= expected.size();
         next = page(found.back(), limit)) {
      EXPECT_LE(next.size(), limit);
      found.insert(found.end(), next.begin(), next.end());
    }
    EXPECT_EQ(found, expected) << limit;
  }
  const Names half(expected.begin(), expected.begin() + 20), rest(expected.begin() + 20, expected.end());
  EXPECT_EQ(page("", 20), half);
  EXPECT_EQ(page(half.back(), 0), rest);
}

TEST_F(Tags, AreInTheOrderOfTheirBytes) {
  push_image(*registry, kApp, "layer", {"b", "_a", "B", "1", "10", "2", "a", "a.b", "a-b"});
  EXPECT_THAT(page("", 0), ElementsAre("1", "10", "2", "B", "_a", "a", "a-b", "a.b", "b"));
}

TEST_F(Tags, AreOnlyWhatCanBeOne) {
  push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, kApp, "layer");
  const auto before = testing::state_of_tree(path);
  for (const std::string& tag : {std::string(), std::string("a/b"), std::string("a:b"), std::string(".a"),
                                 std::string("../x"), std::string(129, 'a'), std::string("café")}) {
    EXPECT_EQ(registry_failure_of(registry->resolve_tag(kApp, tag)), RegistryCode::name_invalid) << tag;
    EXPECT_EQ(registry_failure_of(registry->get_tag(kApp, tag)), RegistryCode::name_invalid) << tag;
    EXPECT_EQ(registry_failure_of(registry->delete_tag(kApp, tag)), RegistryCode::name_invalid) << tag;
  }
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_F(Tags, MoveAndLeaveTheManifestBehind) {
  const auto old = push_image(*registry, kApp, "old", {"latest"});
  const auto now = push_image(*registry, kApp, "new", {"latest"});
  EXPECT_EQ(text_of(registry->get_tag(kApp, "latest")), now.text);
  EXPECT_THAT(entry_names(path), ElementsAre("example/app:latest"));
  EXPECT_EQ(registry_failure_of(registry->resolve_manifest(kApp, old.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(text_of(registry->get_blob(kApp, old.manifest.digest)), old.text) << "its blob stays";
}

TEST_F(Tags, AreDeletedAndLeaveTheManifestBehind) {
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, kApp, "another", {"v2"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_EQ(registry_failure_of(registry->resolve_tag(kApp, "v1")), RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_manifest(kApp, image.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(text_of(registry->get_blob(kApp, image.manifest.digest)), image.text);
  EXPECT_EQ(registry_failure_of(registry->delete_tag(kApp, "v1")), RegistryCode::manifest_unknown)
      << "once more";
}

TEST_F(Tags, LeaveAManifestThatSomethingElseReaches) {
  const auto by_tag = push_image(*registry, kApp, "by a tag", {"v1", "v2"});
  const auto by_index = push_image(*registry, kApp, "by an index", {"v3"});
  push_manifest(*registry, kApp, index_document({by_index.manifest}), kIndexType);
  for (const char* tag : {"v1", "v3"}) ASSERT_TRUE(registry->delete_tag(kApp, tag));
  EXPECT_EQ(text_of(registry->get_manifest(kApp, by_tag.manifest.digest)), by_tag.text);
  EXPECT_EQ(text_of(registry->get_manifest(kApp, by_index.manifest.digest)), by_index.text);
}

TEST_F(Tags, AreOfOneRepository) {
  push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, "other", "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag("other", "v1"));
  EXPECT_THAT(page("", 0), ElementsAre("v1"));
}

class KeptUntagged : public testing::OneLayout {
 protected:
  KeptUntagged() { registry = open({.keep_untagged = true}); }
  std::string untagged(const Digest& digest) const { return std::string(kApp) + "@" + digest.str(); }
};

TEST_F(KeptUntagged, AManifestStaysWhenItsLastTagIsDeleted) {
  const auto image = push_image(*registry, kApp, "layer", {"v1", "v2"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_THAT(entry_names(path), ElementsAre("example/app:v2")) << "a tag is left";
  ASSERT_TRUE(registry->delete_tag(kApp, "v2"));
  EXPECT_THAT(entry_names(path), ElementsAre(untagged(image.manifest.digest)));
  EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
  EXPECT_THAT(must(registry->tags(kApp)), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->delete_tag(kApp, "v2")), RegistryCode::manifest_unknown);
  EXPECT_EQ(text_of(open()->get_manifest(kApp, image.manifest.digest)), image.text);
}

TEST_F(KeptUntagged, AManifestStaysWhenItsLastTagMoves) {
  const auto old = push_image(*registry, kApp, "old", {"latest"});
  const auto now = push_image(*registry, kApp, "new", {"latest"});
  EXPECT_EQ(text_of(registry->get_manifest(kApp, old.manifest.digest)), old.text);
  EXPECT_EQ(text_of(registry->get_tag(kApp, "latest")), now.text);
  EXPECT_THAT(entry_names(path),
              ::testing::UnorderedElementsAre("example/app:latest", untagged(old.manifest.digest)));
}

TEST_F(KeptUntagged, AManifestHasOneEntryWithoutATag) {
  const auto image = push_image(*registry, kApp, "layer");
  push_image(*registry, kApp, "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_THAT(entry_names(path), ElementsAre(untagged(image.manifest.digest)));
}

TEST_F(KeptUntagged, ATagThatStaysWhereItIsLeavesNothing) {
  push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, kApp, "layer", {"v1"});
  EXPECT_THAT(entry_names(path), ElementsAre("example/app:v1"));
}

TEST_F(KeptUntagged, AManifestThatIsDeletedGoesWithItsTags) {
  const auto image = push_image(*registry, kApp, "layer", {"v1", "v2"});
  ASSERT_TRUE(registry->delete_manifest(kApp, image.manifest.digest));
  EXPECT_THAT(entry_names(path), IsEmpty());
  push_image(*registry, kApp, "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  ASSERT_TRUE(registry->delete_manifest(kApp, image.manifest.digest));
  EXPECT_THAT(entry_names(path), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags(kApp)), RegistryCode::name_unknown);
}

class ForeignEntries : public testing::OneLayout {
 protected:
  // A layout as another program has made it; the first entry is ours.
  void write(const std::vector<std::string>& names) {
    LayoutWriter layout(path);
    const auto config = layout.config({});
    manifest = layout.manifest(config, {});
    std::vector<Descriptor> entries{named(manifest, "example/app:v1")};
    for (const std::string& name : names) entries.push_back(name == "-" ? manifest : named(manifest, name));
    layout.write_index(entries);
  }

  Descriptor manifest;
};

TEST_F(ForeignEntries, AreErrorsOfAllThatLooksAtEntries) {
  for (const auto& [name, problem] :
       std::vector<std::pair<std::string, std::string>>{{"-", "empty ref.name"},
                                                        {"", "empty ref.name"},
                                                        {"latest", "ambiguous ref.name"},
                                                        {"Upper:v1", "invalid ref.name"},
                                                        {"localhost:5000/a:v1", "invalid ref.name"}}) {
    SCOPED_TRACE(name);
    write({name});
    registry = open();
    const auto listed = registry->repositories();
    ASSERT_EQ(failure_of(listed), Errc::invalid_image);
    EXPECT_THAT(listed.error().message(), HasSubstr(problem));
    for (const std::string_view repository : {kApp, std::string_view("unknown")}) {
      EXPECT_EQ(failure_of(registry->tags(repository)), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->resolve_tag(repository, "v1")), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->get_tag(repository, "v1")), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->resolve_manifest(repository, manifest.digest)), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->get_manifest(repository, manifest.digest)), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->referrers(repository, manifest.digest)), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->delete_tag(repository, "v1")), Errc::invalid_image);
      EXPECT_EQ(failure_of(registry->delete_manifest(repository, manifest.digest)), Errc::invalid_image);
    }
    const auto before = testing::state_of_tree(path);
    EXPECT_EQ(failure_of(registry->push_manifest(kApp, as_bytes("{}"), "application/x-own")),
              Errc::invalid_image);
    EXPECT_EQ(testing::state_of_tree(path), before);
    EXPECT_THAT(entry_names(path), ElementsAre("example/app:v1", name));
    EXPECT_EQ(must(registry->resolve_blob(kApp, manifest.digest)).digest, manifest.digest) << "no entry";
  }
}

TEST_F(ForeignEntries, AreSkippedOnRequest) {
  const Names foreign{"-", "", "latest", "Upper:v1", "localhost:5000/a:v1"};
  write(foreign);
  registry = open({.foreign = ForeignEntry::skip});
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1"));
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, manifest.digest);
  EXPECT_EQ(registry_failure_of(registry->tags("unknown")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_tag(kApp, "latest")), RegistryCode::manifest_unknown);
}

TEST_F(ForeignEntries, ThatAreSkippedStayWhereTheyAre) {
  const Names foreign{"-", "latest", "Upper:v1", "localhost:5000/a:v1"};
  write(foreign);
  registry = open({.foreign = ForeignEntry::skip});
  push_image(*registry, kApp, "layer", {"v2", "latest"});
  ASSERT_TRUE(registry->delete_manifest(kApp, manifest.digest));
  EXPECT_THAT(entry_names(path),
              ::testing::UnorderedElementsAre("-", "latest", "Upper:v1", "localhost:5000/a:v1",
                                              "example/app:v2", "example/app:latest"));
}

TEST_F(ForeignEntries, MayBeNoDescriptorsAtAll) {
  LayoutWriter layout(path);
  manifest = layout.manifest(layout.config({}), {});
  const std::string broken = R"({"digest":"sha256:short","size":1})";
  layout.write_index_text(R"({"schemaVersion":2,"manifests":[)" + broken + R"(,{"mediaType":")" +
                          std::string(kManifestType) + R"(","digest":")" + manifest.digest.str() +
                          R"(","size":)" + std::to_string(manifest.size) +
                          R"(,"annotations":{"org.opencontainers.image.ref.name":"example/app:v1"}}]})");
  EXPECT_EQ(failure_of(registry->tags(kApp)), Errc::invalid_image);
  registry = open({.foreign = ForeignEntry::skip});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1"));
  push_image(*registry, kApp, "layer", {"v2"});
  const auto text = testing::file_text(path + "/index.json");
  const auto entries = must(JsonDocument::parse(as_bytes(text)));
  EXPECT_EQ(entries.root().find("manifests")->at(0).dump(), broken) << "it stays where it is";
  EXPECT_EQ(entries.root().find("manifests")->size(), 3u);
}

TEST_F(ForeignEntries, WithoutARepositoryCanBeSkippedAlone) {
  write({"latest", "Upper:v1"});
  registry = open({.foreign = ForeignEntry::skip_without_repository});
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, manifest.digest);
  push_image(*registry, kApp, "layer", {"v2"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_THAT(entry_names(path), ::testing::UnorderedElementsAre("latest", "Upper:v1", "example/app:v2"));
  LayoutWriter(path).write_index_text(
      R"({"schemaVersion":2,"manifests":[{"digest":"sha256:short","size":1}]})");
  EXPECT_EQ(failure_of(registry->repositories()), Errc::invalid_image) << "an invalid entry is an error";
}

TEST_F(ForeignEntries, AreNoneWithADefaultRepository) {
  write({"-", "latest", "example/app:v2"});
  registry = open({.default_repository = "my/default"});
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app", "my/default"));
  EXPECT_THAT(must(registry->tags("my/default")), ElementsAre("latest"));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1", "v2"));
  EXPECT_EQ(must(registry->resolve_manifest("my/default", manifest.digest)).digest, manifest.digest);
  ASSERT_TRUE(registry->delete_tag("my/default", "latest"));
  EXPECT_THAT(must(registry->tags("my/default")), IsEmpty()) << "an entry without a tag is left";
  ASSERT_TRUE(registry->delete_manifest("my/default", manifest.digest));
  EXPECT_THAT(entry_names(path), ElementsAre("example/app:v1", "example/app:v2"));
}

TEST_F(ForeignEntries, ThatADefaultRepositoryDoesNotHelpAreErrors) {
  write({"Upper:v1"});
  registry = open({.default_repository = "my/default"});
  const auto listed = registry->repositories();
  ASSERT_EQ(failure_of(listed), Errc::invalid_image);
  EXPECT_THAT(listed.error().message(), HasSubstr("invalid ref.name"));
}

TEST_F(ForeignEntries, OfUnknownMediaTypesAreEntries) {
  LayoutWriter layout(path);
  layout.write_index({named(layout.blob("anything", "application/x-own"), "example/app:v1")});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1"));
  EXPECT_EQ(text_of(registry->get_tag(kApp, "v1")), "anything");
  EXPECT_THAT(must(registry->referrers(kApp, Digest::of({}))), IsEmpty());
}

TEST_F(ForeignEntries, TheFirstEntryOfATagCounts) {
  LayoutWriter layout(path);
  const auto first = layout.manifest(layout.config({}), {}), second = layout.index({first});
  layout.write_index({named(first, "example/app:v1"), named(second, "example/app:v1")});
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, first.digest);
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1"));
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_THAT(entry_names(path), IsEmpty());
}

TEST_F(ForeignEntries, BelongToTheRepositoriesOfTheirFullNames) {
  LayoutWriter layout(path);
  const auto config = layout.config({});
  const auto image = [&](const char* text, const char* full) {
    Descriptor entry = named(layout.manifest(config, {layout.blob(text, testing::kTarType)}), "latest");
    entry.annotations.emplace(kContainerdName, full);
    return entry;
  };
  const auto nginx = image("n", "docker.io/library/nginx:latest"),
             redis = image("r", "docker.io/library/redis:latest"),
             app = image("a", "registry.test:5000/app:latest"),
             other = image("o", "other.test:5000/app:latest");
  layout.write_index({nginx, redis, app, other});
  registry = open();
  EXPECT_THAT(must(registry->repositories()),
              ElementsAre("app", "docker.io/library/nginx", "docker.io/library/redis"));
  EXPECT_EQ(must(registry->resolve_tag("docker.io/library/redis", "latest")).digest, redis.digest);
  // Registries with ports are no part of a repository, so these two share a tag; none of them is taken for
  // it.
  EXPECT_THAT(must(registry->tags("app")), ElementsAre("latest"));
  const auto found = registry->resolve_tag("app", "latest");
  EXPECT_EQ(failure_of(found), Errc::ambiguous);
  EXPECT_THAT(found.error().message(), HasSubstr("registry.test:5000/app:latest"));
  EXPECT_THAT(found.error().message(), HasSubstr("other.test:5000/app:latest"));
  EXPECT_EQ(must(registry->resolve_manifest("app", other.digest)).digest, other.digest);
  const auto before = testing::state_of_tree(path);
  EXPECT_EQ(failure_of(registry->delete_tag("app", "latest")), Errc::ambiguous);
  EXPECT_EQ(testing::state_of_tree(path), before);
  EXPECT_EQ(
      failure_of(registry->push_manifest("app", as_bytes("{}"), "application/x-own", {.tags = {"latest"}})),
      Errc::ambiguous);
  ASSERT_TRUE(registry->delete_manifest("app", app.digest));
  EXPECT_EQ(must(registry->resolve_tag("app", "latest")).digest, other.digest);
  ASSERT_TRUE(registry->delete_tag("docker.io/library/nginx", "latest"));
  EXPECT_EQ(must(registry->resolve_tag("docker.io/library/redis", "latest")).digest, redis.digest);
}

}  // namespace
}  // namespace layoutfs
