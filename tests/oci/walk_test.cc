// What leads where in a layout.
#include "core/oci/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cas/dir_engine.h"
#include "tests/support/documents.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::manifest_text;
using testing::TempDir;

class Walk : public ::testing::Test {
 protected:
  static std::vector<Digest> digests_of(const std::vector<Descriptor>& descriptors) {
    std::vector<Digest> digests;
    for (const auto& descriptor : descriptors) digests.push_back(descriptor.digest);
    return digests;
  }
  std::vector<Digest> children(const Descriptor& descriptor) const {
    const auto found = children_of(*engine, descriptor);
    EXPECT_TRUE(found) << found.error().message();
    return found ? digests_of(*found) : std::vector<Digest>();
  }
  // What a walk by children_of visits.
  std::vector<Digest> visited(const std::vector<Descriptor>& roots) const {
    std::vector<Digest> visits;
    const auto status = walk(roots, [&](const Descriptor& descriptor) {
      visits.push_back(descriptor.digest);
      return children_of(*engine, descriptor);
    });
    EXPECT_TRUE(status) << status.error().message();
    return visits;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  Descriptor config = layout.blob("{}", testing::kConfigType);
  Descriptor lower = layout.blob("lower", testing::kTarType), upper = layout.blob("upper", testing::kTarType);
  Descriptor manifest = layout.manifest(config, {lower, upper});
};

TEST_F(Walk, AManifestLeadsToItsConfigItsLayersInOrderAndItsSubject) {
  const auto referrer = layout.blob(manifest_text(config, {upper, lower}, &manifest), testing::kManifestType);
  EXPECT_THAT(children(referrer), ElementsAre(config.digest, upper.digest, lower.digest, manifest.digest));
  EXPECT_THAT(children(manifest), ElementsAre(config.digest, lower.digest, upper.digest));
}

TEST_F(Walk, AnIndexLeadsToItsManifestsInOrderAndItsSubject) {
  const auto other = layout.manifest(config, {upper});
  const auto index = layout.blob(index_document({other, manifest}, &lower), testing::kIndexType);
  EXPECT_THAT(children(index), ElementsAre(other.digest, manifest.digest, lower.digest));
}

TEST_F(Walk, DockersTypesAreReadAlike) {
  const auto docker = layout.blob(manifest_text(config, {lower}), testing::kDockerManifestType);
  const auto list = layout.blob(index_document({docker}), testing::kDockerListType);
  EXPECT_THAT(children(list), ElementsAre(docker.digest));
  EXPECT_THAT(children(docker), ElementsAre(config.digest, lower.digest));
}

TEST_F(Walk, OtherBlobsLeadNowhereAndAreNotRead) {
  auto missing = lower;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  EXPECT_THAT(children(missing), IsEmpty());
  auto as_blob = manifest;
  as_blob.media_type = "application/octet-stream";
  EXPECT_THAT(children(as_blob), IsEmpty());
}

TEST_F(Walk, WithoutAMediaTypeTheDocumentItselfDecides) {
  const auto untyped = [](Descriptor descriptor) {
    descriptor.media_type.clear();
    return descriptor;
  };
  EXPECT_EQ(children(untyped(manifest)).size(), 3u);
  EXPECT_THAT(children(untyped(layout.index({manifest}))), ElementsAre(manifest.digest));
  EXPECT_THAT(children(untyped(config)), IsEmpty());
  EXPECT_THAT(children(untyped(lower)), IsEmpty());
  EXPECT_THAT(children(untyped(layout.blob(Bytes(5 << 20), ""))), IsEmpty());
}

TEST_F(Walk, ADocumentThatIsMissingDamagedOrBrokenIsAnErrorOfItsOwn) {
  auto missing = manifest;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  EXPECT_EQ(children_of(*engine, missing).error().code(), Errc::not_found);

  const auto broken = layout.blob("{", testing::kIndexType);
  EXPECT_EQ(children_of(*engine, broken).error().code(), Errc::invalid_image);

  testing::write_file(layout.blob_path(manifest.digest), std::string(manifest.size, ' '));
  EXPECT_EQ(children_of(*engine, manifest).error().code(), Errc::corrupt);
}

TEST_F(Walk, AnIndexWithABrokenEntryIsAnErrorThatNamesBoth) {
  const auto index = layout.blob(R"({"manifests":[{"digest":"sha256:1","size":1}]})", testing::kIndexType);
  const auto found = children_of(*engine, index);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::invalid_image);
  EXPECT_THAT(found.error().message(), HasSubstr(index.digest.str() + ": entry 0"));
}

TEST_F(Walk, EveryDigestIsVisitedOnceParentsFirst) {
  const auto other = layout.manifest(config, {lower});
  const auto index = layout.index({manifest, other, manifest});
  EXPECT_THAT(visited({index, lower, index}), ElementsAre(index.digest, manifest.digest, config.digest,
                                                          upper.digest, other.digest, lower.digest));
}

// A circle of digests cannot be made, one of the answers of a visitor can.
TEST_F(Walk, CirclesEnd) {
  std::vector<Digest> visits;
  const auto status =
      walk(std::vector{lower}, [&](const Descriptor& descriptor) -> Result<std::vector<Descriptor>> {
        visits.push_back(descriptor.digest);
        return std::vector{lower, upper, manifest};
      });
  EXPECT_TRUE(status);
  EXPECT_THAT(visits, ElementsAre(lower.digest, upper.digest, manifest.digest));
}

TEST_F(Walk, ABlobThatAnotherDescriptorCallsADocumentIsReadAsOneToo) {
  auto as_blob = manifest;
  as_blob.media_type = "application/octet-stream";
  EXPECT_THAT(visited({as_blob, manifest}), ::testing::IsSupersetOf({config.digest, lower.digest}));
  EXPECT_THAT(visited({manifest, as_blob}), ::testing::IsSupersetOf({config.digest, lower.digest}));
}

TEST_F(Walk, AnErrorOfTheVisitorEndsIt) {
  int visits = 0;
  const auto status =
      walk(std::vector{lower, upper}, [&](const Descriptor&) -> Result<std::vector<Descriptor>> {
        ++visits;
        return fail(Errc::cancelled, "enough");
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "enough");
  EXPECT_EQ(visits, 1);
}

TEST_F(Walk, DescriptorsWithoutADigestAreLeftOut) { EXPECT_THAT(visited({Descriptor()}), IsEmpty()); }

TEST_F(Walk, ManyIndexesInEachOtherAreNoDeeperStack) {
  auto index = layout.index({manifest});
  for (int i = 0; i < 3000; ++i) index = layout.index({index});
  EXPECT_EQ(visited({index}).size(), 3001u + 4u);
}

}  // namespace
}  // namespace layoutfs
