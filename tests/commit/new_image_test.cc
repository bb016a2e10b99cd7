#include "core/commit/new_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/oci/media_types.h"
#include "layoutfs/open.h"
#include "layoutfs/reference.h"
#include "tests/support/layout_writer.h"
#include "tests/support/results.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::must;
using ::testing::Not;
using testing::TempDir;

class NewImage : public ::testing::Test {
 protected:
  Descriptor image(const Platform& platform = {"linux", "amd64", ""}) {
    const Descriptor layer = writer_.blob("tar of " + platform.architecture, testing::kTarType);
    Descriptor manifest = writer_.manifest(writer_.config({layer.digest}, platform), {layer});
    manifest.platform = platform;
    return manifest;
  }
  std::string text(const Descriptor& descriptor) {
    return std::string(as_text(must(read_document(*engine(), descriptor))));
  }
  const std::unique_ptr<Engine>& engine() {
    if (!engine_) engine_ = must(open_dir(dir_.path()));
    return engine_;
  }
  BaseImage base(const Descriptor& entry, const Descriptor& manifest) {
    return must(BaseImage::read(*engine(), entry, manifest));
  }

  TempDir dir_;
  LayoutWriter writer_{dir_.path()};
  std::unique_ptr<Engine> engine_;
  ImageChanges changes_{.step = {.created = "2026-11-30T00:00:00Z", .created_by = "test"}};
};

TEST_F(NewImage, ALayerIsAddedToManifestAndConfig) {
  const Descriptor old = image();
  const Descriptor layer{
      .media_type = std::string(testing::kZstdType), .digest = Digest::of(as_bytes("new")), .size = 3};
  changes_.layer = layer;
  changes_.diff_id = Digest::of(as_bytes("plain"));
  const Descriptor made = must(put_image(*engine(), base(old, old), changes_));
  const Manifest manifest = must(read_manifest(*engine(), made));
  ASSERT_EQ(manifest.layers.size(), 2u);
  EXPECT_EQ(manifest.layers[1].digest, layer.digest);
  EXPECT_EQ(manifest.layers[1].media_type, layer.media_type);
  EXPECT_EQ(must(read_config(*engine(), manifest.config)).diff_ids[1], changes_.diff_id);
  EXPECT_EQ(made.platform, old.platform);
}

TEST_F(NewImage, UnknownMembersOfTheManifestStay) {
  const Descriptor plain = image();
  std::string changed = text(plain);
  changed.insert(1, R"("x-own":[1.0],"annotations":{"keep":"1","gone":"2","set":"3"},)");
  const Descriptor old = writer_.blob(changed, testing::kManifestType);
  changes_.annotations = {{"gone", ""}, {"set", "new"}};
  const Descriptor made = must(put_image(*engine(), base(old, old), changes_));
  EXPECT_THAT(text(made), HasSubstr(R"({"x-own":[1.0],"annotations":{"keep":"1","set":"new"},)"));
}

TEST_F(NewImage, AnIndexGetsTheNewManifestInPlaceOfTheOldOne) {
  const Descriptor amd = image(), arm = image({"linux", "arm64", ""});
  Descriptor attestation = writer_.blob("{}", testing::kManifestType);
  attestation.annotations = {{"vnd.docker.reference.digest", amd.digest.str()},
                             {"vnd.docker.reference.type", "attestation-manifest"}};
  const Descriptor inner = writer_.index({arm, amd, attestation});
  const Descriptor missing{
      .media_type = std::string(testing::kIndexType), .digest = Digest::of(as_bytes("none")), .size = 4};
  const Descriptor outer = writer_.index({missing, inner});
  const Descriptor made = must(put_image(*engine(), base(outer, amd), changes_));
  const Index outermost = must(read_index(*engine(), made));
  ASSERT_EQ(outermost.manifests.size(), 2u);
  EXPECT_EQ(outermost.manifests[0].digest, missing.digest);
  const Index index = must(read_index(*engine(), outermost.manifests[1]));
  ASSERT_EQ(index.manifests.size(), 2u) << "the attestation describes the old image";
  EXPECT_EQ(index.manifests[0].digest, arm.digest);
  EXPECT_NE(index.manifests[1].digest, amd.digest);
  EXPECT_EQ(index.manifests[1].platform, amd.platform);
  const auto found = must(resolve_platform(*engine(), outermost.manifests[1], {"linux", "amd64", ""}));
  EXPECT_EQ(found.digest, index.manifests[1].digest);
}

TEST_F(NewImage, DockersImagesHaveNoLayersInZstd) {
  Descriptor old = image();
  EXPECT_EQ(must(base(old, old).layer_type(Compression::zstd)), media_type::kOciLayerZstd);
  old.media_type = media_type::kDockerManifest;
  std::string changed = text(old);
  changed.replace(changed.find(testing::kManifestType), testing::kManifestType.size(),
                  media_type::kDockerManifest);
  const Descriptor docker = writer_.blob(changed, media_type::kDockerManifest);
  EXPECT_EQ(must(base(docker, docker).layer_type(Compression::gzip)), media_type::kDockerLayerGzip);
  EXPECT_EQ(failure_of(base(docker, docker).layer_type(Compression::zstd)), Errc::unsupported);
}

TEST_F(NewImage, AnArtifactIsRefused) {
  const Descriptor config = writer_.blob("{}", "application/x-own");
  const Descriptor artifact = writer_.manifest(config, {});
  EXPECT_EQ(failure_of(BaseImage::read(*engine(), artifact, artifact)), Errc::unsupported);
}

TEST_F(NewImage, AConfigThatDoesNotMatchTheLayersIsRefusedAndNothingIsStored) {
  const Descriptor layer = writer_.blob("x", testing::kTarType);
  const Descriptor wrong = writer_.manifest(writer_.config({}), {layer});
  const auto before = testing::state_of_tree(dir_.path());
  EXPECT_EQ(failure_of(put_image(*engine(), base(wrong, wrong), changes_)), Errc::invalid_image);
  EXPECT_EQ(testing::state_of_tree(dir_.path()), before);
}

}  // namespace
}  // namespace layoutfs
