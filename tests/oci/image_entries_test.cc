// The entries of a layout that are images if the reference is empty.
#include "core/oci/image_entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/oci/reference.h"
#include "layoutfs/open.h"
#include "tests/support/documents.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::manifest_text;
using testing::named;
using testing::TempDir;

class ImageEntries : public ::testing::Test {
 protected:
  Descriptor image(const std::string& content, const Platform& platform = {"linux", "amd64", ""}) {
    const auto layer = layout.blob(content, testing::kTarType);
    return layout.manifest(layout.config({layer.digest}, platform), {layer});
  }
  Descriptor referrer_of(const Descriptor& subject) {
    return layout.blob(manifest_text(layout.blob("{}", "application/vnd.oci.empty.v1+json"), {}, &subject),
                       testing::kManifestType);
  }
  std::vector<Digest> found(const std::vector<Descriptor>& entries) {
    layout.write_index(entries);
    const auto references = engine->references().value();
    std::vector<Digest> digests;
    const auto images = image_entries(LayoutGraph(*engine), *references).value();
    for (const Descriptor* const entry : images) digests.push_back(entry->digest);
    return digests;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor app = image("app"), other = image("other");
};

TEST_F(ImageEntries, EveryImageIsOneOnce) {
  EXPECT_THAT(found({named(app, "a"), named(other, "b"), named(app, "c")}),
              ElementsAre(app.digest, other.digest));
  EXPECT_THAT(found({app, other}), ElementsAre(app.digest, other.digest));
}

TEST_F(ImageEntries, WhatRefersToAnImageIsNone) {
  const auto signature = layout.manifest(
      layout.config({}), {layout.blob("sig", "application/vnd.dev.cosign.simplesigning.v1+json")});
  auto saved = image("saved signature");
  saved.annotations.emplace("kind", "dev.cosignproject.cosign/sigs");
  auto attestation = image("attestation");
  attestation.platform = Platform{"unknown", "unknown", ""};
  const auto artifact = layout.blob(testing::artifact_text({}, &app), testing::kArtifactType);
  const std::string tag = "sha256-" + app.digest.hex();
  for (const Descriptor& entry :
       {referrer_of(app), named(referrer_of(app), "app:sbom"), signature, named(signature, "sig"), saved,
        attestation, artifact, named(image("by tag"), tag + ".att"), named(layout.index({}), tag),
        named(image("in a repository"), "registry:5000/app:" + tag + ".sig"),
        layout.blob("<a/>", "application/xml")}) {
    EXPECT_THAT(found({entry, app}), ElementsAre(app.digest)) << entry.media_type;
    EXPECT_THAT(found({named(app, "app"), entry}), ElementsAre(app.digest)) << entry.media_type;
  }
  auto saved_image = app;
  saved_image.annotations.emplace("kind", "dev.cosignproject.cosign/image");
  EXPECT_THAT(found({saved_image, saved}), ElementsAre(app.digest));
}

TEST_F(ImageEntries, TheManifestsOfAnIndexThatIsListedAreNotImagesOfTheirOwn) {
  const auto inner = layout.index({app});
  const auto index = layout.index({inner, other});
  EXPECT_THAT(found({named(index, "6.8.0"), app, other, inner}), ElementsAre(index.digest));
  EXPECT_THAT(found({app, named(other, "other"), index}), ElementsAre(index.digest));
}

TEST_F(ImageEntries, AnImageWithoutANameIsOneToo) {
  EXPECT_THAT(found({app, named(other, "other")}), ElementsAre(app.digest, other.digest));
}

TEST_F(ImageEntries, WithoutImagesAllEntriesAreLeftSoThatOpeningOneTellsWhy) {
  const auto referrer = referrer_of(app);
  const auto xml = layout.blob("<a/>", "application/xml");
  EXPECT_THAT(found({xml}), ElementsAre(xml.digest));
  EXPECT_THAT(found({referrer, xml}), ElementsAre(referrer.digest));
  EXPECT_THAT(found({}), ElementsAre());
}

TEST_F(ImageEntries, OneThatCannotBeReadMayBeAnImage) {
  testing::write_file(layout.blob_path(other.digest), "damaged");
  EXPECT_THAT(found({app, other}), ElementsAre(app.digest, other.digest));
}

TEST_F(ImageEntries, AnImageForSeveralPlatformsWithoutAnIndexIsOneByItsConfigs) {
  const Platform arm{"linux", "arm64", "v8"};
  const auto for_arm = image("arm", arm);
  layout.write_index({for_arm, app});
  EXPECT_EQ(find_reference(*engine, "", {"linux", "amd64", ""})->digest, app.digest);
  EXPECT_EQ(find_reference(*engine, "", arm)->digest, for_arm.digest);
  layout.write_index({named(for_arm, "a"), named(app, "b")});
  const auto ambiguous = find_reference(*engine, "", arm);
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().code(), Errc::ambiguous);
  EXPECT_THAT(ambiguous.error().message(), HasSubstr("2 images"));
}

}  // namespace
}  // namespace layoutfs
