// From an index to the manifest for a platform.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/oci/reference.h"
#include "layoutfs/open.h"
#include "tests/support/layout_writer.h"

namespace layoutfs {
namespace {

using testing::for_platform;
using ::testing::HasSubstr;
using testing::LayoutWriter;
using testing::TempDir;

const Platform kLinuxAmd64{"linux", "amd64", ""};
const Platform kLinuxArm64{"linux", "arm64", "v8"};
const Platform kUnknown{"unknown", "unknown", ""};

class ResolvePlatform : public ::testing::Test {
 protected:
  Descriptor image(const std::string& what) {
    const auto layer = layout.blob(what, testing::kTarType);
    return layout.manifest(layout.config({layer.digest}), {layer});
  }
  std::string resolved(const Descriptor& descriptor, const Platform& platform) {
    const auto found = resolve_platform(*engine, descriptor, platform);
    return found ? found->digest.str() : found.error().message();
  }
  Errc code_of(const Descriptor& descriptor, const Platform& platform) {
    const auto found = resolve_platform(*engine, descriptor, platform);
    EXPECT_FALSE(found);
    return found ? Errc::io : found.error().code();
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor a = image("a"), b = image("b");
};

TEST_F(ResolvePlatform, AManifestIsItself) {
  EXPECT_EQ(resolved(a, kLinuxArm64), a.digest.str());
  auto untyped = a;
  untyped.media_type.clear();
  EXPECT_EQ(resolve_platform(*engine, untyped, kLinuxArm64)->media_type, testing::kManifestType);
}

TEST_F(ResolvePlatform, AnIndexLeadsToTheManifestOfThePlatform) {
  const auto index = layout.index(
      {for_platform(image("x"), kUnknown), for_platform(a, kLinuxArm64), for_platform(b, kLinuxAmd64)});
  EXPECT_EQ(resolved(index, kLinuxAmd64), b.digest.str());
  EXPECT_EQ(resolved(index, kLinuxArm64), a.digest.str());
}

TEST_F(ResolvePlatform, WhereNoneServesThePlatformsAreListed) {
  const auto index =
      layout.index({for_platform(a, kLinuxArm64), for_platform(b, kLinuxAmd64), for_platform(b, kUnknown)});
  EXPECT_EQ(code_of(index, {"linux", "s390x", ""}), Errc::not_found);
  EXPECT_EQ(resolved(index, {"linux", "s390x", ""}),
            index.digest.str() + ": no image for linux/s390x; available: linux/arm64/v8, linux/amd64");
  EXPECT_EQ(code_of(layout.index({}), kLinuxAmd64), Errc::not_found);
}

TEST_F(ResolvePlatform, NestedIndexesAreSearchedInTurn) {
  const auto arm = layout.index({for_platform(a, kLinuxArm64)});
  const auto intel = layout.index({for_platform(b, kLinuxAmd64)});
  const auto outer = layout.index({arm, intel});
  EXPECT_EQ(resolved(outer, kLinuxAmd64), b.digest.str());
  EXPECT_EQ(resolved(outer, kLinuxArm64), a.digest.str());
  EXPECT_THAT(resolved(outer, {"linux", "s390x", ""}), HasSubstr("linux/arm64/v8, linux/amd64"));
}

TEST_F(ResolvePlatform, DocumentsThatAreNoImagesAreSkipped) {
  auto other = layout.blob("{}", "application/vnd.example+json");
  EXPECT_EQ(
      resolved(layout.index({for_platform(other, kLinuxAmd64), for_platform(a, kLinuxAmd64)}), kLinuxAmd64),
      a.digest.str());
  EXPECT_EQ(code_of(other, kLinuxAmd64), Errc::unsupported);
}

TEST_F(ResolvePlatform, ArtifactsAndAttestationsAreNeverChosen) {
  auto soci = for_platform(b, kLinuxAmd64);
  soci.artifact_type = "application/vnd.amazon.soci.index.v2+json";
  auto attestation = for_platform(image("attested"), kLinuxAmd64);
  attestation.annotations.emplace("vnd.docker.reference.type", "attestation-manifest");
  const auto ztoc = layout.blob("ztoc", "application/octet-stream");
  const auto artifact =
      for_platform(layout.manifest(layout.blob("{}", "application/vnd.a.b+json"), {ztoc}), kLinuxAmd64);
  for (const Descriptor& other : {soci, attestation, artifact}) {
    EXPECT_EQ(resolved(layout.index({other, for_platform(a, kLinuxAmd64)}), kLinuxAmd64), a.digest.str());
    EXPECT_EQ(resolved(layout.index({for_platform(a, kLinuxAmd64), other}), kLinuxAmd64), a.digest.str());
    EXPECT_EQ(code_of(layout.index({other}), kLinuxAmd64), Errc::not_found);
  }
  auto typed = for_platform(a, kLinuxAmd64);
  typed.artifact_type = testing::kConfigType;
  EXPECT_EQ(resolved(layout.index({typed}), kLinuxAmd64), a.digest.str());
}

TEST_F(ResolvePlatform, AnImageThatNeedsFeaturesServesOnlySystemsThatHaveThem) {
  auto needy = for_platform(a, kLinuxAmd64);
  needy.platform->os_features = {"x", "y"};
  const auto index = layout.index({needy, for_platform(b, kLinuxAmd64)});
  EXPECT_EQ(resolved(index, kLinuxAmd64), b.digest.str());
  EXPECT_EQ(resolved(index, {.os = "linux", .architecture = "amd64", .os_features = {"y", "z", "x"}}),
            a.digest.str());
}

TEST_F(ResolvePlatform, AnEntryWithoutAPlatformIsForThatOfItsConfig) {
  const auto layer = layout.blob("layer", testing::kTarType);
  const auto arm = layout.manifest(layout.config({layer.digest}, kLinuxArm64), {layer});
  const auto intel = layout.manifest(layout.config({layer.digest}, kLinuxAmd64), {layer});
  const auto index = layout.index({arm, intel});
  EXPECT_EQ(resolved(index, kLinuxAmd64), intel.digest.str());
  EXPECT_EQ(resolved(index, kLinuxArm64), arm.digest.str());
  EXPECT_THAT(resolved(index, {"linux", "s390x", ""}), HasSubstr("available: linux/arm64/v8, linux/amd64"));
  const auto silent = layout.manifest(layout.blob("{}", testing::kConfigType), {layer});
  EXPECT_EQ(resolved(layout.index({silent, intel}), kLinuxAmd64), intel.digest.str());
  EXPECT_EQ(resolved(layout.index({intel, silent}), kLinuxArm64), silent.digest.str());
}

TEST_F(ResolvePlatform, OfEqualEntriesTheFirstIsChosen) {
  EXPECT_EQ(resolved(layout.index({for_platform(b, kLinuxAmd64), for_platform(a, kLinuxAmd64)}), kLinuxAmd64),
            b.digest.str());
}

TEST_F(ResolvePlatform, AManifestThatIsAbsentIsPassedOverAndTold) {
  std::filesystem::remove(layout.blob_path(a.digest));
  EXPECT_EQ(resolved(layout.index({for_platform(a, kLinuxAmd64), for_platform(b, kLinuxAmd64)}), kLinuxAmd64),
            b.digest.str());
  const auto index = layout.index({for_platform(a, kLinuxArm64), for_platform(b, kLinuxAmd64)});
  EXPECT_EQ(code_of(index, kLinuxArm64), Errc::not_found);
  EXPECT_THAT(resolved(index, kLinuxArm64), HasSubstr("manifest " + a.digest.str() + " is missing"));
  testing::write_file(layout.blob_path(a.digest), "damaged");
  EXPECT_EQ(resolved(index, kLinuxArm64), a.digest.str()) << "its reader says why it cannot be read";
}

TEST_F(ResolvePlatform, NestingIsFollowedSixteenLevelsDeep) {
  auto index = a;
  for (int depth = 0; depth < 16; ++depth) index = layout.index({index});
  EXPECT_EQ(resolved(index, kLinuxAmd64), a.digest.str());
  EXPECT_EQ(code_of(layout.index({index}), kLinuxAmd64), Errc::invalid_image);
}

TEST_F(ResolvePlatform, OneIndexThousandsOfTimesIsReadOnce) {
  const auto arm = layout.index({for_platform(a, kLinuxArm64)});
  const auto wide = layout.index(std::vector(10'000, arm));
  EXPECT_EQ(code_of(layout.index({wide, wide, arm}), kLinuxAmd64), Errc::not_found);
}

TEST_F(ResolvePlatform, ManyIndexesAreRefused) {
  std::vector<Descriptor> indexes;
  for (int i = 0; i < 100; ++i)
    indexes.push_back(layout.index({for_platform(image(std::to_string(i)), kLinuxArm64)}));
  EXPECT_EQ(code_of(layout.index(indexes), kLinuxAmd64), Errc::invalid_image);
}

TEST_F(ResolvePlatform, ABrokenIndexIsAnErrorThatNamesIt) {
  const auto index = layout.blob("{\"manifests\":[", testing::kIndexType);
  EXPECT_EQ(code_of(index, kLinuxAmd64), Errc::invalid_image);
  EXPECT_THAT(resolved(layout.index({index}), kLinuxAmd64), HasSubstr(index.digest.str()));
  std::filesystem::remove(layout.blob_path(index.digest));
  EXPECT_EQ(code_of(layout.index({index}), kLinuxAmd64), Errc::not_found);
}

}  // namespace
}  // namespace layoutfs
