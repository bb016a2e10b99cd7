// The children of documents in a layout.
#include "core/oci/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/oci/layout_graph.h"
#include "core/oci/media_types.h"
#include "layoutfs/open.h"
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

class Graph : public ::testing::Test {
 protected:
  static std::vector<Digest> digests_of(const std::vector<Descriptor>& descriptors) {
    std::vector<Digest> digests;
    for (const auto& descriptor : descriptors) digests.push_back(descriptor.digest);
    return digests;
  }
  std::vector<Digest> children(const Descriptor& descriptor) const {
    const auto found = children_and_subject_of(*engine, descriptor);
    EXPECT_TRUE(found) << found.error().message();
    return found ? digests_of(*found) : std::vector<Digest>();
  }
  // Returns the descriptors that a walk by children_of visits.
  std::vector<Digest> visited(const std::vector<Descriptor>& roots) const {
    std::vector<Digest> visits;
    const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
      visits.push_back(descriptor.digest);
      return Visit::to(children_and_subject_of(*engine, descriptor).value());
    };
    const auto status = walk(roots, handlers({first_visits(), note}));
    EXPECT_TRUE(status) << status.error().message();
    return visits;
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
  LayoutGraph graph{*engine};
  static Descriptor untyped(Descriptor descriptor) {
    descriptor.media_type.clear();
    return descriptor;
  }

  Descriptor config = layout.blob("{}", testing::kConfigType);
  Descriptor lower = layout.blob("lower", testing::kTarType), upper = layout.blob("upper", testing::kTarType);
  Descriptor manifest = layout.manifest(config, {lower, upper});
};

TEST_F(Graph, AManifestLeadsToItsConfigItsLayersInOrderAndItsSubject) {
  const auto referrer = layout.blob(manifest_text(config, {upper, lower}, &manifest), testing::kManifestType);
  EXPECT_THAT(children(referrer), ElementsAre(config.digest, upper.digest, lower.digest, manifest.digest));
  EXPECT_THAT(children(manifest), ElementsAre(config.digest, lower.digest, upper.digest));
}

TEST_F(Graph, AnIndexLeadsToItsManifestsInOrderAndItsSubject) {
  const auto other = layout.manifest(config, {upper});
  const auto index = layout.blob(index_document({other, manifest}, &lower), testing::kIndexType);
  EXPECT_THAT(children(index), ElementsAre(other.digest, manifest.digest, lower.digest));
}

// distribution-spec, "Pushing Manifests with Subject": the subject may arrive later, or never.
TEST_F(Graph, ASubjectThatIsMissingIsLeftOut) {
  const auto missing = testing::descriptor_of("nobody put this", testing::kManifestType);
  const auto referrer = layout.blob(manifest_text(config, {lower}, &missing), testing::kManifestType);
  EXPECT_THAT(children(referrer), ElementsAre(config.digest, lower.digest));
  EXPECT_THAT(children(layout.blob(index_document({manifest}, &missing), testing::kIndexType)),
              ElementsAre(manifest.digest));
  EXPECT_THAT(children(layout.blob(artifact_text({lower}, &missing), testing::kArtifactType)),
              ElementsAre(lower.digest));
}

TEST_F(Graph, DockersTypesAreReadAlike) {
  const auto docker = layout.blob(manifest_text(config, {lower}), testing::kDockerManifestType);
  const auto list = layout.blob(index_document({docker}), testing::kDockerListType);
  EXPECT_THAT(children(list), ElementsAre(docker.digest));
  EXPECT_THAT(children(docker), ElementsAre(config.digest, lower.digest));
}

TEST_F(Graph, OtherBlobsLeadNowhereAndAreNotRead) {
  auto missing = lower;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  EXPECT_THAT(children(missing), IsEmpty());
  missing.media_type = testing::kConfigType;
  EXPECT_THAT(children(missing), IsEmpty());
}

// RFC 9110, 8.3.1
TEST_F(Graph, MediaTypesAreComparedWithoutCaseAndParameters) {
  for (const std::string type :
       {"application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        "Application/VND.OCI.Image.Manifest.v1+JSON", " application/vnd.oci.image.manifest.v1+json\t;q"}) {
    auto spelled = manifest;
    spelled.media_type = type;
    EXPECT_EQ(children(spelled).size(), 3u) << type;
  }
  auto layer = testing::descriptor_of("not read", "application/vnd.oci.image.layer.v1.tar+GZIP; a=b");
  EXPECT_THAT(children(layer), IsEmpty());
  for (const std::string type : {"", ";", "application/vnd.oci.image.manifest.v1+jsonx", "application"})
    EXPECT_FALSE(is_document_type(type)) << type;
}

TEST_F(Graph, AnOrasArtifactManifestIsReadLikeOcis) {
  const auto artifact = layout.blob(artifact_text({upper, lower}, &manifest),
                                    "application/vnd.cncf.oras.artifact.manifest.v1+json");
  EXPECT_THAT(children(artifact), ElementsAre(upper.digest, lower.digest, manifest.digest));
}

std::string schema1_text(const std::vector<std::string>& digests) {
  std::string text = R"({"schemaVersion":1,"name":"app","fsLayers":[)";
  for (const std::string& digest : digests)
    text += (text.ends_with('[') ? R"({"blobSum":")" : R"(,{"blobSum":")") + digest + "\"}";
  return text + R"(],"history":[{"v1Compatibility":"{}"}]})";
}

TEST_F(Graph, ASchema1ManifestLeadsToItsLayers) {
  const auto missing = Digest::of(as_bytes("nobody put this"));
  const std::string text = schema1_text({upper.digest.str(), missing.str(), upper.digest.str()});
  for (const std::string_view type :
       {std::string_view(), media_type::kDockerSchema1, media_type::kDockerSchema1Manifest}) {
    const auto node = read_graph_node(*engine, layout.blob(text, type)).value();
    const auto layers = children_of(node);
    EXPECT_THAT(digests_of(layers), ElementsAre(upper.digest, missing, upper.digest)) << type;
    EXPECT_EQ(layers[0].size, upper.size);
  }
  const auto broken = layout.blob(schema1_text({"sha256:1"}), media_type::kDockerSchema1);
  EXPECT_EQ(children_and_subject_of(*engine, broken).error().code(), Errc::invalid_image);
}

TEST_F(Graph, ADocumentOfAnUnknownKindLeadsToTheBlobsThatItMentions) {
  const auto found = [&](const std::string& text, std::string_view type = "application/vnd.new+json") {
    return children(layout.blob(text, type));
  };
  const std::string digest = lower.digest.str(), hex = lower.digest.hex();
  for (const std::string& text :
       {R"({"a":[{"b":")" + digest + "\"}]}", R"({")" + digest + "\":1}", "\n [\"" + digest + "\"]",
        R"({"nested":"{\"blob\":\")" + digest + R"(\"}"})", R"({"path":"blobs/sha256/)" + hex + "\"}",
        R"({"tag":"sha256-)" + hex + R"(.sig"})", R"({"escaped":"sh\u0061256\u003a)" + hex + "\"}",
        "{broken: " + digest + ",", R"({"a":"oci:x@)" + digest + "\"}"})
    EXPECT_THAT(found(text), ElementsAre(lower.digest)) << text;
  for (const std::string& text :
       {std::string("{}"), "text " + digest, R"({"a":"sha256:)" + hex.substr(1) + "\"}",
        R"({"a":")" + Digest::of(as_bytes("nobody put this")).str() + "\"}"})
    EXPECT_THAT(found(text), IsEmpty()) << text;
  EXPECT_THAT(found(manifest_text(config, {upper}), ""), ElementsAre(config.digest, upper.digest))
      << "without a media type";
  EXPECT_THAT(found("{\"a\":\"" + digest + "\"}" + std::string(4 << 20, ' ')), IsEmpty()) << "too large";
  auto wrong_size = layout.blob(R"({"a":")" + digest + "\"}", "a/b");
  wrong_size.size += 1;
  EXPECT_THAT(children(wrong_size), ElementsAre(lower.digest));
}

TEST_F(Graph, ABlobOfAnUnknownKindThatIsMissingOrDamagedIsAnError) {
  auto blob = layout.blob("{}", "application/vnd.new+json");
  testing::write_file(layout.blob_path(blob.digest), "[]");
  EXPECT_EQ(children_and_subject_of(*engine, blob).error().code(), Errc::corrupt);
  std::filesystem::remove(layout.blob_path(blob.digest));
  EXPECT_EQ(children_and_subject_of(*engine, blob).error().code(), Errc::not_found);
}

TEST_F(Graph, TheHandlerOfAllChildrenLeavesNothingBehind) {
  const auto unknown = layout.blob(R"({"uses":")" + upper.digest.str() + "\"}", "application/vnd.new+json");
  const auto schema1 = layout.blob(schema1_text({lower.digest.str()}), media_type::kDockerSchema1);
  const auto index = layout.blob(index_document({untyped(manifest), schema1, unknown}), testing::kIndexType);
  std::vector<Digest> visits, unknowns;
  const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    visits.push_back(descriptor.digest);
    return Visit();
  };
  const auto all = all_children_handler(
      graph, {.on_problem = {},
              .on_unknown =
                  [&](const Descriptor& document, const UnknownDocument& content) {
                    unknowns.push_back(document.digest);
                    EXPECT_THAT(describe(document, content), HasSubstr("it mentions 1 blob of"));
                  },
              .on_absent = {}});
  ASSERT_TRUE(walk(std::vector{index}, handlers({note, all})));
  EXPECT_THAT(visits, ElementsAre(index.digest, manifest.digest, config.digest, lower.digest, upper.digest,
                                  schema1.digest, lower.digest, unknown.digest, upper.digest));
  EXPECT_THAT(unknowns, ElementsAre(unknown.digest));
  EXPECT_TRUE(all(layout.blob(R"({"mentions":"nothing"})", "a/b"), {})->children.empty());
  EXPECT_THAT(unknowns, ElementsAre(unknown.digest)) << "a document that mentions nothing is not reported";
  EXPECT_TRUE(all(testing::descriptor_of("nobody put this", "a/b"), {})->children.empty());
  EXPECT_EQ(all(testing::descriptor_of("nobody put this", testing::kManifestType), {}).error().code(),
            Errc::not_found);
  const auto broken = layout.blob(R"({"manifests":[{"digest":"sha256:1","size":1}]})", testing::kIndexType);
  EXPECT_EQ(all(broken, {}).error().code(), Errc::invalid_image);
}

TEST_F(Graph, ChildrenOfIndexesAreToldApartByWhetherTheyAreThere) {
  const auto absent = testing::descriptor_of("nobody put this", testing::kManifestType);
  const auto inner = layout.index({manifest, absent});
  const auto outer = layout.index({inner, absent, testing::descriptor_of("nor this", testing::kIndexType)});
  const auto children = index_children_of(graph, std::vector{outer, manifest}).value();
  EXPECT_THAT(digests_of(children.present), ElementsAre(inner.digest, manifest.digest));
  ASSERT_EQ(children.absent.size(), 2u);
  EXPECT_EQ(children.absent[0].child.digest, absent.digest);
  EXPECT_EQ(children.absent[0].index, outer.digest);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(index_children_of(graph, std::vector{outer}, {.stop = stop.get_token()}).error().code(),
            Errc::cancelled);
}

TEST_F(Graph, EveryKindOfDocumentWithASubjectIsAReferrer) {
  const auto referrer = [&](const std::string& text, std::string_view type) {
    const Descriptor descriptor = layout.blob(text, type);
    return referrer_of(descriptor, read_graph_node(*engine, descriptor).value());
  };
  EXPECT_EQ(referrer(manifest_text(config, {}, &manifest), testing::kManifestType)->descriptor.artifact_type,
            testing::kConfigType);
  EXPECT_EQ(referrer(index_document({}, &manifest), testing::kIndexType)->subject, manifest.digest);
  for (const std::string_view type : {media_type::kOciArtifactManifest, media_type::kOrasArtifactManifest}) {
    const auto artifact = referrer(artifact_text({lower}, &manifest), type);
    ASSERT_TRUE(artifact) << type;
    EXPECT_EQ(artifact->subject, manifest.digest);
    EXPECT_EQ(artifact->descriptor.artifact_type, "a/b");
  }
  EXPECT_FALSE(referrer(manifest_text(config, {}), testing::kManifestType));
  EXPECT_FALSE(referrer(manifest_text(config, {}, &manifest), "application/octet-stream"));
}

TEST_F(Graph, WithoutAMediaTypeTheDocumentItselfDecides) {
  EXPECT_EQ(children(untyped(manifest)).size(), 3u);
  EXPECT_THAT(children(untyped(layout.index({manifest}))), ElementsAre(manifest.digest));
  EXPECT_THAT(children(untyped(config)), IsEmpty());
  EXPECT_THAT(children(untyped(lower)), IsEmpty());
  EXPECT_THAT(children(untyped(layout.blob(Bytes(5 << 20), ""))), IsEmpty());
}

TEST_F(Graph, WithoutAMediaTypeADocumentThatCannotBeUnderstoodIsAnErrorOfItsOwn) {
  const auto code_of = [&](const std::string& text) {
    const auto descriptor = layout.blob(text, "");
    const auto found = children_and_subject_of(*engine, descriptor);
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
       {"{" + config_member + "}", std::string(R"({"layers":[]})"), std::string(R"({"fsLayers":[{}]})"),
        std::string(R"({"manifests":7})"), R"({"manifests":[)" + blake3 + "]}",
        std::string(R"({"blobs":[7]})"), R"({"mediaType":")" + std::string(testing::kManifestType) + "\"}"})
    EXPECT_EQ(code_of(text), Errc::invalid_image) << text;
}

TEST_F(Graph, WithoutAMediaTypeADocumentThatReadersUnderstandDifferentlyIsAnError) {
  const std::string layers = R"("layers":[)" + testing::text_of(lower) + "]", none = R"("layers":[])";
  const std::string config_member = R"("config":)" + testing::text_of(config);
  const std::string type = R"("mediaType":")" + std::string(testing::kManifestType) + "\"";
  for (const std::string& text : std::initializer_list<std::string>{
           "{" + config_member + "," + none + "," + layers + "}",
           "{" + config_member + "," + layers + "," + none + "}",
           R"({"Config":)" + testing::text_of(config) + "}", R"({"LAYERS":[]})",
           std::string(R"({"manifests":[],"manifests":[]})"), std::string(R"({"Manifests":[]})"),
           "{\"manife\\u017fts\":[]}", std::string(R"({"blobs":[],"blobs":[]})"),
           std::string(R"({"Blobs":[]})"),
           R"({"mediaType":"a/b",)" + type + "," + layers + "," + config_member + "}"}) {
    const auto found = children_and_subject_of(*engine, layout.blob(text, ""));
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().code(), Errc::invalid_image) << text;
  }
  EXPECT_THAT(children(layout.blob(R"({"x":1,"x":2})", "")), IsEmpty());
}

TEST_F(Graph, WithoutAMediaTypeWhatIsNoDocumentLeadsNowhere) {
  for (const std::string_view text : {"", "{", "7", "[]", "[{\"layers\":[]}]", R"({"config":7})",
                                      R"({"config":{"Env":["PATH=/bin"]},"rootfs":{"diff_ids":[]}})"})
    EXPECT_THAT(children(layout.blob(text, "")), IsEmpty()) << text;
}

TEST_F(Graph, AnArtifactManifestLeadsToItsBlobsInOrderAndItsSubject) {
  const std::string text = artifact_text({upper, lower}, &manifest);
  const auto artifact = layout.blob(text, testing::kArtifactType);
  EXPECT_THAT(children(artifact), ElementsAre(upper.digest, lower.digest, manifest.digest));
  EXPECT_THAT(children(untyped(artifact)), ElementsAre(upper.digest, lower.digest, manifest.digest));
  auto as_blob = artifact;
  as_blob.media_type = "application/octet-stream";
  EXPECT_THAT(visited({as_blob, artifact}), ::testing::IsSupersetOf({lower.digest, upper.digest}));
}

TEST_F(Graph, ADocumentThatIsMissingDamagedOrBrokenIsAnErrorOfItsOwn) {
  auto missing = manifest;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  EXPECT_EQ(children_and_subject_of(*engine, missing).error().code(), Errc::not_found);

  const auto broken = layout.blob("{", testing::kIndexType);
  EXPECT_EQ(children_and_subject_of(*engine, broken).error().code(), Errc::invalid_image);

  testing::write_file(layout.blob_path(manifest.digest), std::string(manifest.size, ' '));
  EXPECT_EQ(children_and_subject_of(*engine, manifest).error().code(), Errc::corrupt);
}

TEST_F(Graph, AnIndexWithABrokenEntryIsAnErrorThatNamesBoth) {
  const auto index = layout.blob(R"({"manifests":[{"digest":"sha256:1","size":1}]})", testing::kIndexType);
  const auto found = children_and_subject_of(*engine, index);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::invalid_image);
  EXPECT_THAT(found.error().message(), HasSubstr(index.digest.str() + ": entry 0"));
}

TEST_F(Graph, EveryDigestIsVisitedOnceParentsFirst) {
  const auto other = layout.manifest(config, {lower});
  const auto index = layout.index({manifest, other, manifest});
  EXPECT_THAT(visited({index, lower, index}), ElementsAre(index.digest, manifest.digest, config.digest,
                                                          lower.digest, upper.digest, other.digest));
}

// A circle of digests cannot be made, one of the answers of a visitor can.
TEST_F(Graph, CirclesEnd) {
  std::vector<Digest> visits;
  const Handler to_all = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    visits.push_back(descriptor.digest);
    return Visit::to({lower, upper, manifest});
  };
  const auto status = walk(std::vector{lower}, handlers({first_visits(), to_all}));
  EXPECT_TRUE(status);
  EXPECT_THAT(visits, ElementsAre(lower.digest, upper.digest, manifest.digest));
}

TEST_F(Graph, ABlobThatAnotherDescriptorCallsADocumentIsReadAsOneToo) {
  auto as_blob = manifest;
  as_blob.media_type = "application/octet-stream";
  EXPECT_THAT(visited({as_blob, manifest}), ::testing::IsSupersetOf({config.digest, lower.digest}));
  EXPECT_THAT(visited({manifest, as_blob}), ::testing::IsSupersetOf({config.digest, lower.digest}));
}

TEST_F(Graph, DescriptorsWithoutADigestAreLeftOut) { EXPECT_THAT(visited({Descriptor()}), IsEmpty()); }

TEST_F(Graph, ManyIndexesInEachOtherAreNoDeeperStack) {
  auto index = layout.index({manifest});
  for (int i = 0; i < 3000; ++i) index = layout.index({index});
  EXPECT_EQ(visited({index}).size(), 3001u + 4u);
}

// Returns the children of a descriptor by children_handler.
std::vector<Digest> led_to(const LayoutReader& engine, const Descriptor& descriptor,
                           OnProblem on_problem = {}) {
  const auto visit = children_handler(engine, std::move(on_problem))(descriptor, {});
  if (!visit) throw std::runtime_error(visit.error().message());
  std::vector<Digest> digests;
  for (const Descriptor& child : visit->children) digests.push_back(child.digest);
  return digests;
}

TEST_F(Graph, TheChildrenHandlerGoesByMediaTypesAlone) {
  const auto referrer = layout.blob(manifest_text(config, {upper, lower}, &manifest), testing::kManifestType);
  EXPECT_THAT(led_to(*engine, referrer), ElementsAre(config.digest, upper.digest, lower.digest));
  const auto index = layout.blob(index_document({referrer, manifest}, &lower), testing::kIndexType);
  EXPECT_THAT(led_to(*engine, index), ElementsAre(referrer.digest, manifest.digest));
  const auto docker = layout.blob(manifest_text(config, {lower}), testing::kDockerManifestType);
  EXPECT_THAT(led_to(*engine, docker), ElementsAre(config.digest, lower.digest));
  EXPECT_THAT(led_to(*engine, layout.blob(index_document({docker}), testing::kDockerListType)),
              ElementsAre(docker.digest));
  for (const Descriptor& leaf : {config, lower, untyped(manifest)})
    EXPECT_THAT(led_to(*engine, leaf), IsEmpty()) << leaf.media_type;
  for (const std::string_view type :
       {media_type::kDockerLayer, media_type::kDockerLayerGzip, media_type::kDockerConfig,
        media_type::kDockerSchema1Manifest, media_type::kContainerdCheckpoint,
        media_type::kContainerdCheckpointPredump, media_type::kContainerdResource,
        media_type::kContainerdReadWrite, media_type::kContainerdCheckpointConfig, media_type::kOctetStream})
    EXPECT_THAT(led_to(*engine, layout.blob(manifest_text(config, {lower}), type)), IsEmpty()) << type;
}

TEST_F(Graph, TheChildrenHandlerRefusesADocumentThatContradictsItsMediaType) {
  const auto code_of = [&](const std::string& text, std::string_view type) {
    return children_handler(*engine)(layout.blob(text, type), {}).error().code();
  };
  const std::string manifest_json = manifest_text(config, {lower}), index_json = index_document({manifest});
  for (const auto type : {media_type::kOciIndex, media_type::kDockerManifestList})
    EXPECT_EQ(code_of(manifest_json, type), Errc::invalid_image) << type;
  for (const auto type : {media_type::kOciManifest, media_type::kDockerManifest})
    EXPECT_EQ(code_of(index_json, type), Errc::invalid_image) << type;
  EXPECT_EQ(code_of(R"({"mediaType":")" + std::string(media_type::kOciIndex) + R"(","config":)" +
                        testing::text_of(config) + R"(,"layers":[]})",
                    media_type::kOciManifest),
            Errc::invalid_image);
  EXPECT_EQ(code_of(R"({"fsLayers":[]})", media_type::kDockerManifest), Errc::invalid_image);
  EXPECT_EQ(code_of("{", media_type::kOciIndex), Errc::invalid_image);
}

TEST_F(Graph, TheChildrenHandlerGoesOnWhereItsProblemsAreTaken) {
  auto missing = manifest;
  missing.digest = Digest::of(as_bytes("nobody put this"));
  EXPECT_EQ(children_handler(*engine)(missing, {}).error().code(), Errc::not_found);
  const auto broken =
      layout.blob(R"({"manifests":[{"digest":"sha256:1","size":1},)" + testing::text_of(manifest) + "]}",
                  testing::kIndexType);
  std::vector<Errc> problems;
  const OnProblem note = [&](const Descriptor&, const Error& problem) {
    problems.push_back(problem.code());
    return Status();
  };
  EXPECT_THAT(led_to(*engine, missing, note), IsEmpty());
  EXPECT_THAT(led_to(*engine, broken, note), ElementsAre(manifest.digest));
  EXPECT_THAT(problems, ElementsAre(Errc::not_found, Errc::invalid_image));
}

}  // namespace
}  // namespace layoutfs
