// What leads where in a layout.
#include "core/oci/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/cas/dir_engine.h"
#include "tests/support/documents.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using testing::artifact_text;
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
  static Descriptor untyped(Descriptor descriptor) {
    descriptor.media_type.clear();
    return descriptor;
  }

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

// distribution-spec, "Pushing Manifests with Subject": what it names may come later, or never.
TEST_F(Walk, ASubjectThatIsMissingIsLeftOut) {
  const auto missing = testing::descriptor_of("nobody put this", testing::kManifestType);
  const auto referrer = layout.blob(manifest_text(config, {lower}, &missing), testing::kManifestType);
  EXPECT_THAT(children(referrer), ElementsAre(config.digest, lower.digest));
  EXPECT_THAT(children(layout.blob(index_document({manifest}, &missing), testing::kIndexType)),
              ElementsAre(manifest.digest));
  EXPECT_THAT(children(layout.blob(artifact_text({lower}, &missing), testing::kArtifactType)),
              ElementsAre(lower.digest));
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
  EXPECT_EQ(children(untyped(manifest)).size(), 3u);
  EXPECT_THAT(children(untyped(layout.index({manifest}))), ElementsAre(manifest.digest));
  EXPECT_THAT(children(untyped(config)), IsEmpty());
  EXPECT_THAT(children(untyped(lower)), IsEmpty());
  EXPECT_THAT(children(untyped(layout.blob(Bytes(5 << 20), ""))), IsEmpty());
}

TEST_F(Walk, WithoutAMediaTypeADocumentThatCannotBeUnderstoodIsAnErrorOfItsOwn) {
  const auto code_of = [&](const std::string& text) {
    const auto descriptor = layout.blob(text, "");
    const auto found = children_of(*engine, descriptor);
    EXPECT_FALSE(found) << text;
    if (found) return Errc::io;
    EXPECT_THAT(found.error().message(), HasSubstr(descriptor.digest.str()));
    return found.error().code();
  };
  const std::string blake3 = R"({"size":1,"digest":"blake3:)" + config.digest.hex() + "\"}";
  const std::string config_member = R"("config":)" + testing::text_of(config);
  EXPECT_EQ(code_of("{" + config_member + R"(,"layers":[)" + testing::text_of(lower) + "," + blake3 + "]}"),
            Errc::unsupported);
  EXPECT_EQ(code_of(R"({"config":)" + blake3 + "}"), Errc::unsupported);
  EXPECT_EQ(code_of(R"({"blobs":[)" + blake3 + "]}"), Errc::unsupported);
  for (const std::string& text :
       {"{" + config_member + "}", std::string(R"({"layers":[]})"), std::string(R"({"fsLayers":[]})"),
        std::string(R"({"manifests":7})"), R"({"manifests":[)" + blake3 + "]}",
        std::string(R"({"blobs":[7]})"), R"({"mediaType":")" + std::string(testing::kManifestType) + "\"}"})
    EXPECT_EQ(code_of(text), Errc::invalid_image) << text;
}

TEST_F(Walk, WithoutAMediaTypeWhatIsNoDocumentLeadsNowhere) {
  for (const std::string_view text : {"", "{", "7", "[]", "[{\"layers\":[]}]", R"({"config":7})",
                                      R"({"config":{"Env":["PATH=/bin"]},"rootfs":{"diff_ids":[]}})"})
    EXPECT_THAT(children(layout.blob(text, "")), IsEmpty()) << text;
}

TEST_F(Walk, AnArtifactManifestLeadsToItsBlobsInOrderAndItsSubject) {
  const std::string text = artifact_text({upper, lower}, &manifest);
  const auto artifact = layout.blob(text, testing::kArtifactType);
  EXPECT_THAT(children(artifact), ElementsAre(upper.digest, lower.digest, manifest.digest));
  EXPECT_THAT(children(untyped(artifact)), ElementsAre(upper.digest, lower.digest, manifest.digest));
  auto as_blob = artifact;
  as_blob.media_type = "application/octet-stream";
  EXPECT_THAT(visited({as_blob, artifact}), ::testing::IsSupersetOf({lower.digest, upper.digest}));
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
