// Manifests, tags and repositories, in a registry over one layout.
#include "layoutfs/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::entry_names;
using testing::failure_of;
using testing::file_text;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::kDockerListType;
using testing::kEmptyType;
using testing::kIndexType;
using testing::kManifestType;
using testing::kOctetType;
using testing::manifest_text;
using testing::must;
using testing::push_image;
using testing::push_manifest;
using testing::push_text;
using testing::registry_failure_of;
using testing::text_of;
using testing::try_push_manifest;

using ARegistry = testing::OneLayout;

// The descriptor of a blob that was never pushed.
Descriptor absent(std::string_view media_type) {
  return testing::descriptor_of("of what is not there", media_type);
}

TEST_F(ARegistry, MakesNothingBeforeTheFirstWrite) {
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
  EXPECT_EQ(registry_failure_of(registry->tags(kApp)), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_blob(kApp, Digest::of({}))), RegistryCode::blob_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_tag(kApp, "latest")), RegistryCode::name_unknown);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ARegistry, ShowsAnImageByItsTagsAndItsDigest) {
  const auto image = push_image(*registry, kApp, "layer", {"latest", "v1"});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("latest", "v1"));
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
  for (const char* tag : {"latest", "v1"}) {
    const auto resolved = must(registry->resolve_tag(kApp, tag));
    EXPECT_EQ(resolved.digest, Digest::of(as_bytes(image.text)));
    EXPECT_EQ(resolved.size, image.text.size());
    EXPECT_EQ(resolved.media_type, kManifestType);
    EXPECT_EQ(text_of(registry->get_tag(kApp, tag)), image.text);
  }
  EXPECT_EQ(must(registry->resolve_manifest(kApp, image.manifest.digest)).media_type, kManifestType);
  EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
  EXPECT_EQ(text_of(registry->get_blob(kApp, image.layer.digest)), "layer");
}

TEST_F(ARegistry, KeepsItAsALayoutThatOthersRead) {
  const auto image = push_image(*registry, kApp, "layer", {"latest", "v1"});
  EXPECT_THAT(file_text(path + "/oci-layout"), HasSubstr("\"1.0.0\""));
  EXPECT_THAT(entry_names(path), ElementsAre("example/app:latest", "example/app:v1"));
  const auto engine = must(open_dir(path));
  for (const Descriptor& entry : must(engine->references())->entries) {
    EXPECT_EQ(entry.digest, image.manifest.digest);
    EXPECT_EQ(entry.size, image.text.size());
    EXPECT_EQ(entry.media_type, kManifestType);
  }
  for (const Descriptor& blob : {image.config, image.layer, image.manifest})
    EXPECT_TRUE(std::filesystem::is_regular_file(path + "/" + blob.digest.blob_path()));
}

TEST_F(ARegistry, IsTheSameAfterItWasOpenedAgain) {
  const auto image = push_image(*registry, kApp, "layer", {"latest"});
  registry = open();
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("latest"));
  EXPECT_EQ(text_of(registry->get_tag(kApp, "latest")), image.text);
}

TEST_F(ARegistry, SeesWhatAnotherOneHasPushed) {
  const auto other = open();
  push_image(*registry, kApp, "first", {"first"});
  EXPECT_THAT(must(other->tags(kApp)), ElementsAre("first"));
  const auto second = push_image(*other, kApp, "second", {"second"});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("first", "second"));
  EXPECT_EQ(text_of(registry->get_tag(kApp, "second")), second.text);
  ASSERT_TRUE(other->delete_tag(kApp, "first"));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("second"));
}

TEST_F(ARegistry, KeepsAnUntaggedManifestUnderItsDigest) {
  const auto image = push_image(*registry, kApp, "layer");
  EXPECT_EQ(must(registry->resolve_manifest(kApp, image.manifest.digest)).size, image.text.size());
  EXPECT_THAT(entry_names(path), ElementsAre("example/app@" + image.manifest.digest.str()));
  EXPECT_THAT(must(registry->tags(kApp)), IsEmpty());
}

TEST_F(ARegistry, KeepsAnyNumberOfUntaggedManifests) {
  const auto first = push_image(*registry, kApp, "first"), second = push_image(*registry, kApp, "second");
  for (const auto& image : {first, second})
    EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
  EXPECT_THAT(entry_names(path), ElementsAre("example/app@" + first.manifest.digest.str(),
                                             "example/app@" + second.manifest.digest.str()));
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
}

TEST_F(ARegistry, TakesTheSameManifestAnyNumberOfTimes) {
  for (int i = 0; i < 3; ++i) {
    push_image(*registry, kApp, "layer");
    push_image(*registry, kApp, "layer", {"b", "a"});
  }
  EXPECT_EQ(entry_names(path).size(), 3u);
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("a", "b"));
}

TEST_F(ARegistry, KeepsAnUntaggedEntryBesideANewTagOfItsManifest) {
  const auto image = push_image(*registry, kApp, "layer");
  push_image(*registry, kApp, "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
}

TEST_F(ARegistry, ReadsABareTagAsOneOfTheDefaultRepository) {
  const auto image = push_image(*registry, kApp, "layer", {"latest"});
  // As a layout that another program has made.
  auto text = file_text(path + "/index.json");
  const std::string name = "example/app:latest";
  ASSERT_NE(text.find(name), std::string::npos);
  text.replace(text.find(name), name.size(), "latest");
  testing::write_file(path + "/index.json", text);

  registry = open({.default_repository = "example/app"});
  EXPECT_EQ(must(registry->resolve_tag(kApp, "latest")).digest, image.manifest.digest);
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app"));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("latest"));

  const auto moved = push_image(*registry, kApp, "another layer", {"latest"});
  EXPECT_EQ(must(registry->resolve_tag(kApp, "latest")).digest, moved.manifest.digest);
  EXPECT_EQ(entry_names(path).size(), 1u) << "the entry was replaced, not doubled";
}

TEST_F(ARegistry, OpensNoLayoutWithoutAPathOrWithAWrongDefaultRepository) {
  EXPECT_EQ(failure_of(open_registry("")), Errc::invalid_argument);
  for (const char* name : {"Upper", "a:b", "a@b", "/", "a/"})
    EXPECT_EQ(registry_failure_of(open_registry(path, {.default_repository = name})),
              RegistryCode::name_invalid)
        << name;
}

TEST_F(ARegistry, OpensNothingThatIsABrokenLayout) {
  push_image(*registry, kApp, "layer", {"v1"});
  const auto index = file_text(path + "/index.json");
  testing::write_file(path + "/index.json", "{");
  EXPECT_EQ(failure_of(open_registry(path)), Errc::invalid_image);
  testing::write_file(path + "/index.json", index);
  testing::write_file(path + "/oci-layout", R"({"imageLayoutVersion":"7.0.0"})");
  EXPECT_EQ(failure_of(open_registry(path)), Errc::invalid_image);
  testing::write_file(directory / "file", "content");
  EXPECT_EQ(failure_of(open_registry(directory / "file")), Errc::invalid_image);
}

// D7: upstream would see an empty registry here, and lose the index with the next write.
TEST_F(ARegistry, LosesNoEntriesWhereAPieceOfTheLayoutIsMissing) {
  push_image(*registry, kApp, "layer", {"v1"});
  const auto index = file_text(path + "/index.json");
  for (const char* piece : {"oci-layout", "blobs"}) {
    std::filesystem::rename(path + "/" + piece, directory / "away");
    auto opened = open_registry(path, {.is_durable = false});
    std::optional<Errc> failure = failure_of(opened);
    if (opened) failure = failure_of(try_push_manifest(**opened, kApp, "{}", "text/plain", {"v2"}));
    EXPECT_EQ(failure, Errc::invalid_image) << piece;
    EXPECT_EQ(file_text(path + "/index.json"), index) << piece;
    EXPECT_FALSE(std::filesystem::exists(path + "/" + piece)) << piece;
    std::filesystem::rename(directory / "away", path + "/" + piece);
  }
}

TEST_F(ARegistry, CompletesWhatACrashHasLeftOfALayout) {
  std::filesystem::create_directories(path + "/blobs");
  registry = open();
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
  EXPECT_THAT(testing::names_in(path), ElementsAre("blobs"));
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  EXPECT_EQ(must(open()->resolve_tag(kApp, "v1")).digest, image.manifest.digest);
}

TEST_F(ARegistry, ReadsALayoutThatAppearsLater) {
  const auto other = open();
  EXPECT_EQ(registry_failure_of(other->tags(kApp)), RegistryCode::name_unknown);
  push_image(*registry, kApp, "layer", {"v1"});
  EXPECT_THAT(must(other->tags(kApp)), ElementsAre("v1"));
  push_image(*other, kApp, "layer", {"v2"});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1", "v2"));
}

TEST_F(ARegistry, WritesAnIndexThatKeepsWhatItDoesNotKnow) {
  testing::LayoutWriter layout(path);
  layout.write_index_text(R"({"schemaVersion":2,"x-own":{"a":[1]},"annotations":{"who":"somebody"},)"
                          R"("manifests":[{"mediaType":"x/y","digest":")" +
                          Digest::of({}).str() +
                          R"(","size":0,"x-entry":7,"annotations":)"
                          R"({"org.opencontainers.image.ref.name":"other/app:v1","kept":"so"}}]})");
  push_image(*registry, kApp, "layer", {"v1"});
  const auto text = file_text(path + "/index.json");
  const auto document = must(JsonDocument::parse(as_bytes(text)));
  EXPECT_EQ(document.root().find("x-own")->dump(), R"({"a":[1]})");
  EXPECT_EQ(document.root().find("annotations")->dump(), R"({"who":"somebody"})");
  const auto entry = document.root().find("manifests")->at(0);
  EXPECT_EQ(entry.find("x-entry")->as_integer(), 7);
  EXPECT_EQ(entry.find("annotations")->find("kept")->as_string(), "so");
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/app", "other/app"));
}

TEST_F(ARegistry, WritesAnEmptyIndexAsAnArray) {
  push_text(*registry, kApp, "content");
  const auto text = file_text(path + "/index.json");
  const auto document = must(JsonDocument::parse(as_bytes(text)));
  EXPECT_EQ(document.root().find("manifests")->dump(), "[]");
  push_image(*registry, kApp, "layer", {"v1"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  const auto after = file_text(path + "/index.json");
  EXPECT_EQ(must(JsonDocument::parse(as_bytes(after))).root().find("manifests")->dump(), "[]");
}

TEST_F(ARegistry, RefusesNamesThatBreakTheGrammar) {
  push_image(*registry, kApp, "layer", {"v1"});
  const auto digest = Digest::of(as_bytes("layer"));
  const auto before = testing::state_of_tree(path);
  for (const char* name : {"", "Upper", "a//b", "../layout", "a:b", "a@b", "/a", "."}) {
    testing::UnreadSource content;
    EXPECT_EQ(registry_failure_of(registry->resolve_blob(name, digest)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->get_blob(name, digest)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->get_blob_range(name, digest, 0, 1)), RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->resolve_manifest(name, digest)), RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->get_manifest(name, digest)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->resolve_tag(name, "v1")), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->get_tag(name, "v1")), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->push_blob(name, absent(kOctetType), content)),
              RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->push_blob_chunked(name)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->push_blob_chunked_resume(name, "", 0)),
              RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->mount_blob(name, kApp, digest)), RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->mount_blob(kApp, name, digest)), RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(try_push_manifest(*registry, name, "{}", "text/plain")),
              RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->delete_blob(name, digest)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->delete_manifest(name, digest)), RegistryCode::name_invalid)
        << name;
    EXPECT_EQ(registry_failure_of(registry->delete_tag(name, "v1")), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->tags(name)), RegistryCode::name_invalid) << name;
    EXPECT_EQ(registry_failure_of(registry->referrers(name, digest)), RegistryCode::name_invalid) << name;
  }
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_F(ARegistry, RefusesTheEmptyDigest) {
  push_image(*registry, kApp, "layer", {"v1"});
  testing::UnreadSource content;
  EXPECT_EQ(failure_of(registry->resolve_blob(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->get_blob(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->get_blob_range(kApp, {}, 0, 1)), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->resolve_manifest(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->get_manifest(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->push_blob(kApp, {}, content)), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->mount_blob(kApp, "other", {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->delete_blob(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->delete_manifest(kApp, {})), Errc::digest_invalid);
  EXPECT_EQ(failure_of(registry->referrers(kApp, {})), Errc::digest_invalid);
}

TEST_F(ARegistry, KnowsNoManifestWithoutEntries) {
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  const auto digest = image.manifest.digest;
  EXPECT_EQ(registry_failure_of(registry->resolve_manifest("other", digest)), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->get_manifest("other", digest)), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->resolve_tag("other", "v1")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->get_tag("other", "v1")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->tags("other")), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->referrers("other", digest)), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_manifest("other", digest)), RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_tag("other", "v1")), RegistryCode::name_unknown);
}

TEST_F(ARegistry, KnowsNoManifestThatNothingReaches) {
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, "other", "another", {"v1"});
  const auto elsewhere = must(registry->resolve_tag("other", "v1")).digest;
  for (const Digest& digest :
       {elsewhere, image.config.digest, image.layer.digest, absent(kOctetType).digest}) {
    EXPECT_EQ(registry_failure_of(registry->resolve_manifest(kApp, digest)), RegistryCode::manifest_unknown);
    EXPECT_EQ(registry_failure_of(registry->get_manifest(kApp, digest)), RegistryCode::manifest_unknown);
    EXPECT_EQ(registry_failure_of(registry->delete_manifest(kApp, digest)), RegistryCode::manifest_unknown);
  }
  EXPECT_EQ(registry_failure_of(registry->resolve_tag(kApp, "v2")), RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->get_tag(kApp, "v2")), RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_tag(kApp, "v2")), RegistryCode::manifest_unknown);
}

TEST_F(ARegistry, FindsManifestsThroughIndexes) {
  const auto image = push_image(*registry, kApp, "layer", {"only"});
  const auto inner = push_manifest(*registry, kApp, index_document({image.manifest}), kIndexType, {"inner"});
  push_manifest(*registry, kApp, index_document({inner}), kDockerListType, {"outer"});
  ASSERT_TRUE(registry->delete_tag(kApp, "only"));
  ASSERT_TRUE(registry->delete_tag(kApp, "inner"));
  for (const Digest& digest : {image.manifest.digest, inner.digest})
    EXPECT_EQ(must(registry->resolve_manifest(kApp, digest)).digest, digest);
  EXPECT_EQ(must(registry->resolve_manifest(kApp, inner.digest)).media_type, kIndexType);
  EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
  EXPECT_EQ(registry_failure_of(registry->delete_manifest(kApp, image.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_manifest(kApp, inner.digest)),
            RegistryCode::manifest_unknown);
}

TEST_F(ARegistry, FindsNoManifestThroughSubjects) {
  const auto subject = push_image(*registry, kApp, "subject", {"subject"});
  const auto config = push_text(*registry, kApp, "{}", kEmptyType);
  push_manifest(*registry, kApp, manifest_text(config, {}, &subject.manifest), kManifestType, {"referrer"});
  ASSERT_TRUE(registry->delete_tag(kApp, "subject"));
  EXPECT_EQ(registry_failure_of(registry->resolve_manifest(kApp, subject.manifest.digest)),
            RegistryCode::manifest_unknown);
}

TEST_F(ARegistry, FindsManifestsInIndexesThatNameEachOtherOverAndOver) {
  const auto image = push_image(*registry, kApp, "layer");
  auto index = image.manifest;
  // 2^40 paths.
  for (int i = 0; i < 40; ++i)
    index = push_manifest(*registry, kApp, index_document({index, index}), kIndexType, {"index"});
  ASSERT_TRUE(registry->delete_manifest(kApp, image.manifest.digest));
  EXPECT_EQ(text_of(registry->get_manifest(kApp, image.manifest.digest)), image.text);
}

TEST_F(ARegistry, GivesNoManifestWhoseBlobIsMissing) {
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  const auto index = push_manifest(*registry, kApp, index_document({image.manifest}), kIndexType, {"index"});
  std::filesystem::remove(path + "/" + image.manifest.digest.blob_path());
  EXPECT_EQ(registry_failure_of(registry->get_manifest(kApp, image.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->get_tag(kApp, "v1")), RegistryCode::manifest_unknown);
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, image.manifest.digest);
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("index", "v1"));
  EXPECT_EQ(must(registry->resolve_manifest(kApp, index.digest)).digest, index.digest);
}

TEST_F(ARegistry, KeepsOtherRepositoriesOutOfIt) {
  const auto image = push_image(*registry, kApp, "layer", {"v1"});
  push_image(*registry, "example/ap", "layer", {"v2"});
  push_image(*registry, "example/app/more", "layer", {"v3"});
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v1"));
  EXPECT_THAT(must(registry->repositories()), ElementsAre("example/ap", "example/app", "example/app/more"));
  ASSERT_TRUE(registry->delete_manifest("example/ap", image.manifest.digest));
  EXPECT_EQ(text_of(registry->get_tag(kApp, "v1")), image.text);
  EXPECT_EQ(text_of(registry->get_tag("example/app/more", "v3")), image.text);
  EXPECT_EQ(registry_failure_of(registry->tags("example/ap")), RegistryCode::name_unknown);
}

TEST_F(ARegistry, DeletesAManifestWithAllOfItsTags) {
  const auto image = push_image(*registry, kApp, "layer", {"a", "b"});
  push_image(*registry, kApp, "layer");
  push_image(*registry, kApp, "another", {"c"});
  ASSERT_TRUE(registry->delete_manifest(kApp, image.manifest.digest));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("c"));
  EXPECT_EQ(registry_failure_of(registry->get_manifest(kApp, image.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_EQ(registry_failure_of(registry->delete_manifest(kApp, image.manifest.digest)),
            RegistryCode::manifest_unknown);
  EXPECT_TRUE(std::filesystem::exists(path + "/" + image.manifest.digest.blob_path())) << "blobs stay";
}

TEST_F(ARegistry, ForgetsATagAndThenItsManifest) {
  const auto image = push_image(*registry, kApp, "layer", {"v1", "v2"});
  ASSERT_TRUE(registry->delete_tag(kApp, "v1"));
  EXPECT_THAT(must(registry->tags(kApp)), ElementsAre("v2"));
  EXPECT_EQ(registry_failure_of(registry->get_tag(kApp, "v1")), RegistryCode::manifest_unknown);
  ASSERT_TRUE(registry->delete_manifest(kApp, image.manifest.digest));
  EXPECT_EQ(registry_failure_of(registry->get_manifest(kApp, image.manifest.digest)),
            RegistryCode::name_unknown);
  EXPECT_EQ(registry_failure_of(registry->tags(kApp)), RegistryCode::name_unknown);
  EXPECT_THAT(must(registry->repositories()), IsEmpty());
}

TEST_F(ARegistry, ListsRepositoriesInPages) {
  for (const char* name : {"c", "a/b", "a", "b", "a-b"}) push_image(*registry, name, "layer", {"v1", "v2"});
  const auto page = [&](std::string after, std::size_t limit) {
    return must(registry->repositories({.start_after = std::move(after), .limit = limit}));
  };
  EXPECT_THAT(page("", 0), ElementsAre("a", "a-b", "a/b", "b", "c"));
  EXPECT_THAT(page("", 2), ElementsAre("a", "a-b"));
  EXPECT_THAT(page("a-b", 2), ElementsAre("a/b", "b"));
  EXPECT_THAT(page("a.", 0), ElementsAre("a/b", "b", "c")) << "after what does not exist";
  EXPECT_THAT(page("b", 100), ElementsAre("c"));
  EXPECT_THAT(page("c", 0), IsEmpty());
}

TEST_F(ARegistry, StopsListingOnRequest) {
  push_image(*registry, kApp, "layer", {"v1"});
  std::stop_source stop;
  stop.request_stop();
  const Context context{.stop = stop.get_token(), .deadline = {}};
  EXPECT_EQ(failure_of(registry->repositories({}, context)), Errc::cancelled);
  EXPECT_EQ(failure_of(registry->referrers(kApp, Digest::of({}), "", context)), Errc::cancelled);
}

TEST_F(ARegistry, MaySupportNothing) {
  class Nothing final : public Registry {
  } nothing;
  testing::UnreadSource content;
  const auto digest = Digest::of({});
  EXPECT_EQ(failure_of(nothing.resolve_blob(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.get_blob(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.get_blob_range(kApp, digest, 0, 0)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.resolve_manifest(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.get_manifest(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.resolve_tag(kApp, "v1")), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.get_tag(kApp, "v1")), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.push_blob(kApp, {}, content)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.push_blob_chunked(kApp)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.push_blob_chunked_resume(kApp, "", 0)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.mount_blob(kApp, kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.push_manifest(kApp, {}, "")), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.delete_blob(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.delete_manifest(kApp, digest)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.delete_tag(kApp, "v1")), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.repositories()), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.tags(kApp)), Errc::unsupported);
  EXPECT_EQ(failure_of(nothing.referrers(kApp, digest)), Errc::unsupported);
}

}  // namespace
}  // namespace layoutfs
