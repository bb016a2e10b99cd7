// Which manifests a registry takes, and that it keeps them byte for byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/registry/fixture.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::index_document;
using testing::kConfigType;
using testing::kDockerListType;
using testing::kDockerManifestType;
using testing::kEmptyType;
using testing::kIndexType;
using testing::kManifestType;
using testing::kTarType;
using testing::manifest_text;
using testing::must;
using testing::push_manifest;
using testing::push_text;
using testing::registry_failure_of;
using testing::text_of;
using testing::try_push_manifest;
using testing::with_members;

class AManifest : public testing::OneLayout {
 protected:
  // The message of the refusal of `text`, which leaves everything as it was.
  std::string refusal_of(const std::string& text, std::string_view media_type = kManifestType) {
    const auto before = testing::state_of_tree(path);
    const auto pushed = try_push_manifest(*registry, kApp, text, media_type, {"refused"});
    EXPECT_EQ(registry_failure_of(pushed), RegistryCode::manifest_invalid) << text;
    EXPECT_EQ(testing::state_of_tree(path), before) << text;
    return pushed ? "" : pushed.error().message();
  }
  // Checks that `text` is accepted and returned unchanged.
  void expect_kept(const std::string& text, std::string_view media_type = kManifestType) {
    const auto pushed = try_push_manifest(*registry, kApp, text, media_type, {"kept"});
    ASSERT_TRUE(pushed) << pushed.error().message() << ": " << text.substr(0, 1000);
    EXPECT_EQ(pushed->digest, Digest::of(as_bytes(text)));
    EXPECT_EQ(pushed->size, text.size());
    EXPECT_EQ(pushed->media_type, media_type);
    EXPECT_EQ(text_of(registry->get_manifest(kApp, pushed->digest)), text);
    EXPECT_EQ(text_of(registry->get_tag(kApp, "kept")), text);
    EXPECT_EQ(must(registry->resolve_tag(kApp, "kept")).media_type, media_type);
  }
  static Descriptor absent(std::string_view media_type) {
    return testing::descriptor_of("of what is not there", media_type);
  }

  Descriptor config = push_text(*registry, kApp, "{}", kConfigType);
  Descriptor layer = push_text(*registry, kApp, "layer", kTarType);
  Descriptor image = push_manifest(*registry, kApp, manifest_text(config, {layer}), kManifestType);
};

TEST_F(AManifest, NeedsAMediaType) {
  EXPECT_EQ(registry_failure_of(try_push_manifest(*registry, kApp, manifest_text(config, {layer}), "")),
            RegistryCode::manifest_invalid);
}

TEST_F(AManifest, ThatReadersUnderstandDifferentlyIsRefused) {
  const std::string good = manifest_text(config, {layer});
  for (const std::string more : {R"({"layers":[],)", R"({"Layers":[],)", R"({"schemaVersion":2,)"}) {
    EXPECT_THAT(refusal_of(more + good.substr(1)), HasSubstr("'"));
    // The type is unknown, so the document is only stored.
    expect_kept(more + good.substr(1), "application/x-unknown");
  }
  EXPECT_THAT(refusal_of(R"({"manifests":[],"manifests":[]})", kIndexType), HasSubstr("'manifests'"));
  EXPECT_THAT(refusal_of(R"({"blobs":[],"blobs":[]})", "application/vnd.oci.artifact.manifest.v1+json"),
              HasSubstr("'blobs'"));
  EXPECT_THAT(refusal_of(R"({"blobs":[],"Subject":{}})", "application/vnd.oci.artifact.manifest.v1+json"),
              HasSubstr("'Subject'"));
}

TEST_F(AManifest, IsCheckedAgainstTheDigestThatIsAskedFor) {
  const std::string text = manifest_text(config, {layer, layer});
  const auto right = Digest::of(as_bytes(text)), wrong = Digest::of(as_bytes("another text"));
  const auto before = testing::state_of_tree(path);
  EXPECT_EQ(failure_of(registry->push_manifest(kApp, as_bytes(text), kManifestType,
                                               {.digest = wrong, .tags = {"v1"}})),
            Errc::digest_invalid);
  EXPECT_EQ(testing::state_of_tree(path), before);
  const auto pushed =
      must(registry->push_manifest(kApp, as_bytes(text), kManifestType, {.digest = right, .tags = {"v1"}}));
  EXPECT_EQ(pushed.digest, right);
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, right);
}

TEST_F(AManifest, MayHaveASha512Digest) {
  const std::string text = manifest_text(config, {layer, layer});
  const auto digest = Digest::of(as_bytes(text), Algorithm::sha512);
  const auto pushed =
      must(registry->push_manifest(kApp, as_bytes(text), kManifestType, {.digest = digest, .tags = {"v1"}}));
  EXPECT_EQ(pushed.digest, digest);
  EXPECT_EQ(must(registry->resolve_tag(kApp, "v1")).digest, digest);
  EXPECT_EQ(text_of(registry->get_manifest(kApp, digest)), text);
  EXPECT_EQ(text_of(registry->get_tag(kApp, "v1")), text);
  const auto untagged = Digest::of(as_bytes(text + "\n"), Algorithm::sha512);
  must(registry->push_manifest(kApp, as_bytes(text + "\n"), kManifestType, {.digest = untagged, .tags = {}}));
  EXPECT_EQ(text_of(registry->get_manifest(kApp, untagged)), text + "\n");
}

TEST_F(AManifest, TakesNoWrongTag) {
  const auto before = testing::state_of_tree(path);
  for (const char* tag : {"", "a/b", "a:b", ".a", "a b"})
    EXPECT_EQ(registry_failure_of(try_push_manifest(*registry, kApp, manifest_text(config, {layer, layer}),
                                                    kManifestType, {"right", tag})),
              RegistryCode::name_invalid)
        << tag;
  EXPECT_EQ(testing::state_of_tree(path), before);
}

TEST_F(AManifest, NamesWhatIsThere) {
  const auto missing = absent(kTarType), missing_config = absent(kConfigType),
             missing_manifest = absent(kManifestType);
  EXPECT_THAT(refusal_of(manifest_text(config, {missing})), HasSubstr("layers[0]"));
  EXPECT_THAT(refusal_of(manifest_text(config, {layer, missing})), HasSubstr("layers[1]"));
  EXPECT_THAT(refusal_of(manifest_text(missing_config, {layer})), HasSubstr("config"));
  EXPECT_THAT(refusal_of(manifest_text(missing_config, {missing})), HasSubstr("layers[0]"));
  EXPECT_THAT(refusal_of(manifest_text(config, {missing}), kDockerManifestType), HasSubstr("layers[0]"));
  EXPECT_THAT(refusal_of(index_document({image, missing_manifest}), kIndexType), HasSubstr("manifests[1]"));
  EXPECT_THAT(refusal_of(index_document({missing_manifest}), kDockerListType), HasSubstr("manifests[0]"));
}

TEST_F(AManifest, NeedNotHaveALayerThatIsElsewhere) {
  auto foreign = absent(kTarType);
  foreign.urls = {"https://example.com/layer"};
  expect_kept(manifest_text(config, {layer, foreign}));
  EXPECT_THAT(refusal_of(manifest_text(config, {foreign, absent(kTarType)})), HasSubstr("layers[1]"));
}

TEST_F(AManifest, NeedNotHaveItsSubject) {
  const auto subject = absent(kManifestType);
  expect_kept(manifest_text(config, {layer}, &subject));
  expect_kept(index_document({image}, &subject), kIndexType);
}

TEST_F(AManifest, HasDigestsThatCanBeChecked) {
  const auto with = [&](const std::string& digest) {
    return R"({"schemaVersion":2,"config":)" + text_of(config) +
           R"(,"layers":[{"mediaType":"a/b","size":1,"digest":")" + digest + "\"}]}";
  };
  for (const std::string& digest :
       {std::string("sha256:bad"), std::string(""), std::string("bad"), "sha256:" + std::string(64, 'A'),
        "sha256:../../" + std::string(58, 'a'), "unknown:" + std::string(64, 'a')}) {
    const auto message = refusal_of(with(digest));
    EXPECT_THAT(message, HasSubstr("layers[0]")) << digest;
    EXPECT_THAT(message, HasSubstr("digest")) << digest;
  }
  const std::string bad = R"({"mediaType":"a/b","size":1,"digest":"sha256:bad"})";
  EXPECT_THAT(refusal_of(R"({"schemaVersion":2,"layers":[],"config":)" + bad + "}"), HasSubstr("config"));
  EXPECT_THAT(refusal_of(R"({"schemaVersion":2,"manifests":[)" + bad + "]}", kIndexType),
              HasSubstr("manifests"));
  EXPECT_THAT(refusal_of(with_members(manifest_text(config, {layer}), R"("subject":)" + bad)),
              HasSubstr("subject"));
}

TEST_F(AManifest, IsOfSchemaVersion2OrOfNone) {
  const auto with = [&](const std::string& version) {
    return "{" + version + R"("config":)" + text_of(config) + R"(,"layers":[]})";
  };
  expect_kept(with(R"("schemaVersion":2,)"));
  expect_kept(with(R"("schemaVersion":0,)"));
  expect_kept(with(""));
  refusal_of(with(R"("schemaVersion":1,)"));
  refusal_of(R"({"schemaVersion":1,"manifests":[]})", kIndexType);
}

TEST_F(AManifest, HasAConfigAndNoManifests) {
  EXPECT_THAT(refusal_of(R"({"schemaVersion":2,"layers":[]})"), HasSubstr("config"));
  const auto manifests = R"("manifests":[)" + text_of(image) + "]";
  EXPECT_NE(refusal_of(with_members(manifest_text(config, {layer}), manifests)), "");
}

TEST_F(AManifest, ThatIsAnIndexHasNoConfigAndNoLayers) {
  const auto index = index_document({image});
  EXPECT_NE(refusal_of(with_members(index, R"("config":)" + text_of(config)), kIndexType), "");
  EXPECT_NE(refusal_of(with_members(index, R"("layers":[)" + text_of(layer) + "]"), kIndexType), "");
}

TEST_F(AManifest, HasShortTypesAndNames) {
  const std::string most(255, 'a'), more(256, 'a');
  const auto typed = [&](const std::string& member, const std::string& value) {
    return with_members(manifest_text(config, {layer}), "\"" + member + "\":\"" + value + "\"");
  };
  const auto annotated = [&](const std::string& name) {
    return with_members(manifest_text(config, {layer}), R"("annotations":{")" + name + R"(":"value"})");
  };
  expect_kept(typed("artifactType", most));
  EXPECT_THAT(refusal_of(typed("artifactType", more)), HasSubstr("artifactType"));
  expect_kept(annotated(most));
  EXPECT_THAT(refusal_of(annotated(more)), HasSubstr("annotations"));
  auto long_layer = layer;
  long_layer.media_type = most;
  expect_kept(manifest_text(config, {long_layer}));
  long_layer.media_type = more;
  EXPECT_THAT(refusal_of(manifest_text(config, {long_layer})), HasSubstr("layers[0]"));
}

TEST_F(AManifest, IsJson) {
  for (const char* text : {"", "{", "[]", "null", "7", "\"text\"", "{\"schemaVersion\":2}x", "\xff"}) {
    EXPECT_NE(refusal_of(text), "") << text;
    EXPECT_NE(refusal_of(text, kIndexType), "") << text;
  }
  refusal_of(std::string(100'000, '['));
}

TEST_F(AManifest, IsWhatItsOwnMediaTypeSays) {
  // The document's goes before the argument, which goes into the entry.
  expect_kept(with_members(index_document({image}), R"("mediaType":")" + std::string(kIndexType) + "\""),
              kManifestType);
  refusal_of(
      with_members(manifest_text(config, {layer}), R"("mediaType":")" + std::string(kIndexType) + "\""));
}

TEST_F(AManifest, OfAnotherMediaTypeMayBeAnything) {
  expect_kept("not JSON at all", "text/plain");
  expect_kept("", "application/x-empty");
  expect_kept(manifest_text(config, {absent(kTarType)}), "application/vnd.example.manifest+json");
}

TEST_F(AManifest, IsKeptByteForByte) {
  const std::string compact = manifest_text(config, {layer});
  expect_kept(" \n" + compact + "\n\t ");
  expect_kept(with_members(compact, R"("x-own":{"b":1,"a":[1.50,1e3,"\u003c"]},"annotations":{"k":"v"})"));
  expect_kept(R"({"layers":[],"config":)" + text_of(config) + R"(,"schemaVersion":2})");
}

TEST_F(AManifest, MayHaveNoLayers) {
  const auto empty = push_text(*registry, kApp, "{ }", kEmptyType);
  expect_kept(with_members(manifest_text(empty, {}), R"("artifactType":"application/x")"));
  expect_kept(manifest_text(config, {}), kDockerManifestType);
}

TEST_F(AManifest, MayBeAnIndexOfIndexesOrOfNothing) {
  expect_kept(index_document({}), kIndexType);
  const auto inner = push_manifest(*registry, kApp, index_document({image}), kIndexType);
  expect_kept(index_document({inner, image}), kIndexType);
  expect_kept(index_document({inner}), kDockerListType);
  expect_kept(index_document({image}, &image), kIndexType);
}

TEST_F(AManifest, MayHoldDataAndFieldsOfItsOwn) {
  const auto embedded = R"({"mediaType":"application/vnd.oci.empty.v1+json","digest":")" +
                        Digest::of(as_bytes("{}")).str() + R"(","size":2,"data":"e30=","x-own":[true]})";
  expect_kept(R"({"schemaVersion":2,"config":)" + embedded + R"(,"layers":[)" + embedded + "]}");
}

TEST_F(AManifest, MayBeLarge) {
  // The size that registries must accept: 4 MiB.
  const auto of_size = [&](std::size_t padding) {
    return with_members(manifest_text(config, {layer}),
                        R"("annotations":{"large":")" + std::string(padding, 'a') + "\"}");
  };
  const auto text = of_size(4'194'304 - of_size(0).size());
  ASSERT_EQ(text.size(), 4'194'304u);
  expect_kept(text);
}

TEST_F(AManifest, ReplacesAnEntryWholeWhereItsTagMoves) {
  testing::LayoutWriter layout(directory / "other");
  auto old = testing::named(layout.manifest(layout.config({}), {}), "example/app:v1");
  old.annotations["note"] = "of the old one";
  layout.write_index({old});
  const auto other = must(open_registry(layout.path(), {.is_durable = false}));
  const auto moved = testing::push_image(*other, kApp, "new", {"v1"});
  const auto resolved = must(other->resolve_tag(kApp, "v1"));
  EXPECT_EQ(resolved.digest, moved.manifest.digest);
  EXPECT_EQ(resolved.annotation("note"), std::nullopt);
  EXPECT_THAT(testing::entry_names(layout.path()), ElementsAre("example/app:v1"));
}

}  // namespace
}  // namespace layoutfs
