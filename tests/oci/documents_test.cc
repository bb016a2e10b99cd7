// Manifests, indexes and configs, of OCI and of Docker, good and broken.
#include "layoutfs/documents.h"
#include "core/oci/media_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "layoutfs/open.h"
#include "tests/support/documents.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kHex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kDigest = "sha256:" + kHex;

std::string descriptor(std::string_view media_type) {
  return R"({"mediaType":")" + std::string(media_type) + R"(","digest":")" + kDigest + R"(","size":3})";
}
const std::string kConfig = "\"config\":" + descriptor(testing::kConfigType);
const std::string kGzipLayer = descriptor(testing::kGzipType);

Result<Manifest> manifest(const std::string& members) {
  return Manifest::parse(as_bytes("{" + members + "}"));
}
Result<Index> index(const std::string& members) { return Index::parse(as_bytes("{" + members + "}")); }
Result<ArtifactManifest> artifact(const std::string& members) {
  return ArtifactManifest::parse(as_bytes("{" + members + "}"));
}
Result<ImageConfig> config(const std::string& text) { return ImageConfig::parse(as_bytes(text)); }

template <class Document>
std::string fault_of(const Result<Document>& document) {
  if (document) return "no fault";
  EXPECT_EQ(document.error().code(), Errc::invalid_image) << document.error().message();
  return document.error().message();
}

TEST(MediaTypes, DocumentsOfOciAndDockerAreKnown) {
  EXPECT_EQ(document_kind("application/vnd.oci.image.manifest.v1+json"), DocumentKind::manifest);
  EXPECT_EQ(document_kind("application/vnd.docker.distribution.manifest.v2+json"), DocumentKind::manifest);
  EXPECT_EQ(document_kind("application/vnd.oci.image.index.v1+json"), DocumentKind::index);
  EXPECT_EQ(document_kind("application/vnd.docker.distribution.manifest.list.v2+json"), DocumentKind::index);
  for (const char* type :
       {"", "application/json", "application/vnd.oci.image.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.v1+json", "application/vnd.oci.image.config.v1+json"})
    EXPECT_EQ(document_kind(type), DocumentKind::other) << type;
}

TEST(MediaTypes, LayersAreThoseOfKnownCompressions) {
  for (const char* type :
       {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"})
    EXPECT_TRUE(is_layer_type(type)) << type;
  for (const char* type :
       {"", "application/vnd.oci.image.layer.v1.tar+bzip2",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.tar+encrypted", "application/vnd.oci.image.layer.v1.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar+gzip", "application/vnd.oci.image.layer.v1",
        "application/vnd.in-toto+json", "application/vnd.oci.empty.v1+json"})
    EXPECT_FALSE(is_layer_type(type)) << type;
}

TEST(MediaTypes, OfALayerInAnotherCompressionStaysInItsFamily) {
  constexpr auto kNone = Compression::none, kGzip = Compression::gzip, kZstd = Compression::zstd;
  const std::string oci(media_type::kOciLayer), docker(media_type::kDockerLayer);
  for (const std::string suffix : {"", "+gzip", "+zstd"}) {
    EXPECT_EQ(layer_type_in(kNone, oci + suffix), oci);
    EXPECT_EQ(layer_type_in(kGzip, oci + suffix), oci + "+gzip");
    EXPECT_EQ(layer_type_in(kZstd, oci + suffix), oci + "+zstd");
  }
  EXPECT_EQ(layer_type_in(kNone, docker + ".gzip"), docker);
  EXPECT_EQ(layer_type_in(kGzip, docker), docker + ".gzip");
  EXPECT_EQ(layer_type_in(kZstd, docker), "") << "Docker defines no such type";
  EXPECT_EQ(layer_type_in(kGzip, "Application/Vnd.OCI.image.layer.v1.tar; charset=utf-8"), oci + "+gzip");
  for (const char* type : {"", "application/vnd.oci.image.layer.nondistributable.v1.tar",
                           "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                           "application/vnd.oci.image.layer.v1.tar+encrypted"})
    EXPECT_EQ(layer_type_in(kGzip, type), "") << type;
}

TEST(MediaTypes, ConfigsOfOciAndDockerAreKnown) {
  EXPECT_TRUE(is_config_type("application/vnd.oci.image.config.v1+json"));
  EXPECT_TRUE(is_config_type("application/vnd.docker.container.image.v1+json"));
  EXPECT_FALSE(is_config_type("application/vnd.oci.empty.v1+json"));
  EXPECT_FALSE(is_config_type("application/vnd.docker.plugin.v1+json"));
}

TEST(MediaTypes, ArtifactManifestsAreKnown) {
  EXPECT_TRUE(is_artifact_type(testing::kArtifactType));
  for (const auto type : {std::string_view(), testing::kManifestType, testing::kIndexType})
    EXPECT_FALSE(is_artifact_type(type)) << type;
}

TEST(AManifest, HasItsPartsInOrder) {
  const auto parsed =
      manifest(R"("schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)" + kConfig +
               ",\"layers\":[" + kGzipLayer + "," + descriptor("b") + "],\"subject\":" + descriptor("s") +
               R"(,"artifactType":"t/u")");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->config.media_type, testing::kConfigType);
  ASSERT_EQ(parsed->layers.size(), 2u);
  EXPECT_EQ(parsed->layers[0].media_type, testing::kGzipType);
  EXPECT_EQ(parsed->layers[1].media_type, "b");
  EXPECT_EQ(parsed->subject->media_type, "s");
  EXPECT_EQ(parsed->artifact_type, "t/u");
}

TEST(AManifest, NeedsNoVersionAndNullIsNoLayers) {
  for (const char* version :
       {"", "\"schemaVersion\":0,", "\"schemaVersion\":2,", "\"schemaVersion\":null,"}) {
    const auto parsed = manifest(version + kConfig + ",\"layers\":null,\"subject\":null");
    ASSERT_TRUE(parsed) << version;
    EXPECT_TRUE(parsed->layers.empty());
    EXPECT_EQ(parsed->subject, std::nullopt);
  }
}

TEST(AManifest, ThatIsSomethingElseIsInvalid) {
  const std::string layers = ",\"layers\":[]";
  EXPECT_EQ(fault_of(manifest(R"("schemaVersion":1,"fsLayers":[])")), "a schema 1 manifest");
  EXPECT_EQ(fault_of(manifest(kConfig + layers + ",\"schemaVersion\":1")), "a schema 1 manifest");
  EXPECT_EQ(fault_of(manifest(kConfig + layers + ",\"fsLayers\":[]")), "a schema 1 manifest");
  EXPECT_THAT(fault_of(manifest(kConfig + layers + ",\"schemaVersion\":3")), HasSubstr("schema version 3"));
  EXPECT_THAT(fault_of(manifest(kConfig + layers + ",\"schemaVersion\":\"2\"")), HasSubstr("schema version"));
  EXPECT_EQ(fault_of(manifest("\"manifests\":[]")), "an index under a manifest's media type");
  EXPECT_EQ(fault_of(manifest(kConfig + layers + ",\"manifests\":[]")),
            "an index under a manifest's media type");
  EXPECT_THAT(
      fault_of(manifest(kConfig + layers + ",\"mediaType\":\"" + std::string(testing::kIndexType) + "\"")),
      HasSubstr("has the media type " + std::string(testing::kIndexType)));
}

TEST(AManifest, WithAMissingOrWrongPartIsInvalid) {
  EXPECT_EQ(fault_of(manifest("\"layers\":[]")), "config is missing");
  EXPECT_THAT(fault_of(manifest("\"config\":null,\"layers\":[]")), StartsWith("config: "));
  EXPECT_EQ(fault_of(manifest(kConfig)), "layers are missing");
  EXPECT_EQ(fault_of(manifest(kConfig + ",\"layers\":{}")), "layers are not an array");
  EXPECT_THAT(fault_of(manifest(kConfig + ",\"layers\":[" + kGzipLayer + ",{}]")), StartsWith("layers[1]: "));
  EXPECT_THAT(fault_of(manifest(kConfig + ",\"layers\":[],\"subject\":1")), StartsWith("subject: "));
  for (const char* text : {"", "[]", "1", "null", "{"})
    EXPECT_NE(fault_of(Manifest::parse(as_bytes(text))), "no fault") << text;
}

TEST(AManifest, HasALimitedNumberOfLayers) {
  std::string layers = kGzipLayer;
  for (int i = 1; i < 4096; ++i) layers += "," + kGzipLayer;
  EXPECT_EQ(fault_of(manifest(kConfig + ",\"layers\":[" + layers + "]")), "no fault");
  EXPECT_THAT(fault_of(manifest(kConfig + ",\"layers\":[" + layers + ",1]")), StartsWith("4097 layers"));
}

TEST(AnArtifactManifest, HasItsPartsInOrder) {
  const auto parsed =
      artifact("\"blobs\":[" + descriptor("a") + "," + descriptor("b") + "],\"subject\":" + descriptor("s"));
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->blobs.size(), 2u);
  EXPECT_EQ(parsed->blobs[0].media_type, "a");
  EXPECT_EQ(parsed->blobs[1].media_type, "b");
  EXPECT_EQ(parsed->subject->media_type, "s");
}

TEST(AnArtifactManifest, NeedsNeitherBlobsNorASubject) {
  for (const char* members : {"", "\"blobs\":[]", "\"blobs\":null,\"subject\":null"}) {
    const auto parsed = artifact(members);
    ASSERT_TRUE(parsed) << members;
    EXPECT_TRUE(parsed->blobs.empty());
    EXPECT_EQ(parsed->subject, std::nullopt);
  }
}

TEST(AnArtifactManifest, WithAWrongPartIsInvalid) {
  EXPECT_EQ(fault_of(artifact("\"blobs\":{}")), "blobs are not an array");
  EXPECT_THAT(fault_of(artifact("\"blobs\":[" + descriptor("a") + ",{}]")), StartsWith("blobs[1]: "));
  EXPECT_THAT(fault_of(artifact("\"subject\":1")), StartsWith("subject: "));
  for (const char* member : {"\"layers\":[]", "\"manifests\":[]"})
    EXPECT_THAT(fault_of(artifact(member)), HasSubstr("under an artifact's media type")) << member;
  for (const char* text : {"", "[]", "1", "null", "{"})
    EXPECT_NE(fault_of(ArtifactManifest::parse(as_bytes(text))), "no fault") << text;
}

TEST(AManifest, IsAnImageByItsConfigOrByAllOfItsLayers) {
  const std::string other = "\"config\":" + descriptor("application/vnd.oci.empty.v1+json");
  const std::string file = descriptor("text/plain");
  EXPECT_TRUE(manifest(kConfig + ",\"layers\":[]")->is_image());
  EXPECT_TRUE(manifest(kConfig + ",\"layers\":[" + file + "]")->is_image());
  EXPECT_TRUE(manifest(other + ",\"layers\":[" + kGzipLayer + "]")->is_image());
  EXPECT_FALSE(manifest(other + ",\"layers\":[" + kGzipLayer + "," + file + "]")->is_image());
  EXPECT_FALSE(manifest(other + ",\"layers\":[]")->is_image());
}

TEST(AnIndex, KeepsWhatCanBeUnderstood) {
  const auto parsed = index("\"schemaVersion\":2,\"manifests\":[" + descriptor("a") + ",1," +
                            descriptor("b") + "],\"subject\":" + descriptor("s"));
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->manifests.size(), 2u);
  EXPECT_EQ(parsed->manifests[1].media_type, "b");
  EXPECT_THAT(parsed->problems, ElementsAre(HasSubstr("entry 1")));
  EXPECT_EQ(parsed->subject->media_type, "s");
  EXPECT_TRUE(index("\"manifests\":null")->manifests.empty());
}

TEST(AnIndex, ThatIsSomethingElseIsInvalid) {
  EXPECT_EQ(fault_of(index("")), "manifests is missing");
  EXPECT_EQ(fault_of(index("\"manifests\":{}")), "manifests is not an array");
  EXPECT_EQ(fault_of(index(kConfig + ",\"layers\":[]")), "a manifest under an index's media type");
  EXPECT_THAT(
      fault_of(index("\"manifests\":[],\"mediaType\":\"" + std::string(testing::kManifestType) + "\"")),
      HasSubstr("has the media type"));
  EXPECT_EQ(fault_of(index("\"manifests\":[],\"schemaVersion\":1")), "a schema 1 manifest");
}

TEST(AnImageConfig, HasItsPlatformAndDiffIds) {
  const auto parsed =
      config(R"({"os":"linux","architecture":"arm","variant":"v7","created":"2024-01-02T03:04:05Z",)"
             R"("rootfs":{"type":"layers","diff_ids":[")" +
             kDigest + "\"]}}");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->platform, (Platform{"linux", "arm", "v7"}));
  EXPECT_EQ(parsed->created, "2024-01-02T03:04:05Z");
  EXPECT_THAT(parsed->diff_ids, ElementsAre(Digest::parse(kDigest).value()));
}

TEST(AnImageConfig, WithoutARootfsHasNoDiffIds) {
  for (const char* text :
       {"{}", R"({"rootfs":null})", R"({"rootfs":{}})", R"({"rootfs":{"diff_ids":null}})"}) {
    const auto parsed = config(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_TRUE(parsed->diff_ids.empty());
    EXPECT_EQ(parsed->created, "");
  }
}

TEST(AnImageConfig, SaysHowItsProgramsRun) {
  const auto parsed = config(R"({"config":{"Env":["A=1","B=","C=x=y"],"WorkingDir":"/srv"}})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->environment, (std::vector<std::string>{"A=1", "B=", "C=x=y"}));
  EXPECT_EQ(parsed->working_directory, "/srv");
}

TEST(AnImageConfig, LeavesOutWhatCanBeNoVariableOrPath) {
  const auto parsed =
      config(R"({"config":{"Env":["none","=1",7,null,"A=\u0000","B=2"],"WorkingDir":"/a\u0000b"}})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->environment, std::vector<std::string>{"B=2"});
  EXPECT_EQ(parsed->working_directory, "");
  for (const char* odd : {R"({"config":null})", R"({"config":[1]})", R"({"config":{"Env":"A=1"}})"}) {
    ASSERT_TRUE(config(odd)) << odd;
    EXPECT_TRUE(config(odd)->environment.empty()) << odd;
  }
}

TEST(AnImageConfig, ThatIsBrokenIsInvalid) {
  for (const char* text : {"", "[]", R"({"rootfs":[]})", R"({"rootfs":{"diff_ids":{}}})",
                           R"({"rootfs":{"diff_ids":[1]}})", R"({"rootfs":{"diff_ids":["sha256:00"]}})"})
    EXPECT_NE(fault_of(config(text)), "no fault") << text;
  EXPECT_EQ(config(R"({"rootfs":{"diff_ids":["md5:00"]}})").error().code(), Errc::unsupported);
}

TEST(Documents, AreReadFromALayoutAndTheirErrorsNameTheDigest) {
  const testing::TempDir directory;
  testing::LayoutWriter layout(directory / "layout");
  const auto layer = layout.blob("tar", testing::kTarType);
  const auto config = layout.config({layer.digest});
  const auto manifest = layout.manifest(config, {layer});
  const auto index = layout.index({manifest});
  const auto engine = open_dir(layout.path()).value();
  EXPECT_EQ(read_index(*engine, index)->manifests.at(0).digest, manifest.digest);
  EXPECT_EQ(read_manifest(*engine, manifest)->layers.at(0).digest, layer.digest);
  EXPECT_TRUE(read_manifest(*engine, manifest)->is_image());
  EXPECT_EQ(read_config(*engine, config)->diff_ids.at(0), layer.digest);
  EXPECT_EQ(read_manifest(*engine, index).error().message(),
            index.digest.str() + ": an index under a manifest's media type");
  EXPECT_THAT(read_config(*engine, layer).error().message(),
              StartsWith(layer.digest.str() + ": invalid JSON "));
}

TEST(Documents, ThatReadersUnderstandDifferentlyAreInvalidAndTheErrorNamesTheMember) {
  const std::string layers = "\"layers\":[" + kGzipLayer + "]";
  for (const std::string& more : {layers, std::string("\"layers\":[]"), std::string("\"Layers\":[]"),
                                  std::string("\"LAYERS\":null"), std::string("\"layer\\u017f\":[]")})
    EXPECT_THAT(fault_of(manifest(kConfig + "," + layers + "," + more)), HasSubstr("layers'")) << more;
  EXPECT_THAT(fault_of(manifest(kConfig + ",\"Layers\":[]")), HasSubstr("'Layers'"));
  for (const char* member :
       {"schemaVersion", "mediaType", "artifactType", "subject", "annotations", "config"}) {
    const std::string twice = ",\"" + std::string(member) + "\":null,\"" + member + "\":null";
    EXPECT_THAT(fault_of(manifest(kConfig + ",\"layers\":[]" + twice)), HasSubstr(member));
    EXPECT_THAT(fault_of(index("\"manifests\":[]" + twice)), HasSubstr(member));
    EXPECT_THAT(fault_of(artifact("\"blobs\":[]" + twice)), HasSubstr(member));
  }
  EXPECT_THAT(fault_of(index(R"("manifests":[],"Subject":null)")), HasSubstr("'Subject'"));
  EXPECT_THAT(fault_of(artifact(R"("blobs":[],"Blobs":null)")), HasSubstr("'Blobs'"));
  EXPECT_THAT(fault_of(artifact(R"("blobs":[],"blobs":null)")), HasSubstr("'blobs'"));
  const auto schema1 = [](std::string_view text) { return fault_of(Schema1Manifest::parse(as_bytes(text))); };
  EXPECT_THAT(schema1(R"({"fsLayers":[],"fsLayers":[{}]})"), HasSubstr("'fsLayers'"));
  EXPECT_THAT(schema1(R"({"fsLayers":[],"fslayers":[{}]})"), HasSubstr("'fslayers'"));
  EXPECT_THAT(schema1(R"({"fsLayers":[{"blobSum":"x","BlobSum":"y"}]})"), HasSubstr("'BlobSum'"));
  EXPECT_THAT(fault_of(config(R"({"rootfs":{},"rootfs":{}})")), HasSubstr("'rootfs'"));
  EXPECT_THAT(fault_of(config(R"({"RootFS":{}})")), HasSubstr("'RootFS'"));
  EXPECT_THAT(fault_of(config(R"({"rootfs":{"diff_ids":[],"Diff_IDs":[]}})")), HasSubstr("'Diff_IDs'"));
  EXPECT_THAT(fault_of(config(R"({"os":"linux","OS":"windows"})")), HasSubstr("'OS'"));
}

TEST(AnImageConfig, SaysHowItsProgramsRunInAnySpellingButOnlyOnce) {
  const auto lower = config(R"({"config":{"env":["A=1"],"workingdir":"/w"}})");
  ASSERT_TRUE(lower);
  EXPECT_THAT(lower->environment, ElementsAre("A=1"));
  EXPECT_EQ(lower->working_directory, "/w");
  EXPECT_THAT(fault_of(config(R"({"config":{"Env":[],"env":["A=1"]}})")), HasSubstr("'Env'"));
  EXPECT_THAT(fault_of(config(R"({"config":{"WorkingDir":"/","workingDir":"/w"}})")),
              HasSubstr("'WorkingDir'"));
  EXPECT_TRUE(config(R"({"config":{"Labels":{"a":"1","A":"2"},"Volumes":{"/a":{},"/A":{}}}})"));
}

TEST(AManifest, OfVersionTwoMayWriteItInOtherWays) {
  EXPECT_TRUE(manifest(R"("schemaVersion":2.0,"layers":[],)" + kConfig));
  EXPECT_FALSE(manifest(R"("schemaVersion":1.0,"layers":[],)" + kConfig));
  EXPECT_FALSE(manifest(R"("schemaVersion":2.5,"layers":[],)" + kConfig));
}

TEST(Documents, HostileTextsAreErrorsAndNothingWorse) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"config\":";
  EXPECT_NE(fault_of(Manifest::parse(as_bytes(deep))), "no fault");
  EXPECT_NE(fault_of(Index::parse(as_bytes(deep))), "no fault");
  EXPECT_NE(fault_of(ImageConfig::parse(as_bytes(deep))), "no fault");
  const std::string text = "{" + kConfig + ",\"layers\":[" + kGzipLayer + "]}";
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_NE(fault_of(Manifest::parse(as_bytes(std::string_view(text).substr(0, size)))), "no fault")
        << size;
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    std::string broken = text;
    broken[random() % broken.size()] = static_cast<char>(random() & 0xff);
    const auto parsed = Manifest::parse(as_bytes(broken));
    EXPECT_EQ(parsed ? parsed->layers.size() : 1, 1u) << broken;
  }
}

TEST(AConfig, TellsHowItsProgramsAreMeantToBeRun) {
  const auto parsed = config(R"({"author":"somebody","config":{"Entrypoint":["/bin/sh","-c"],"Cmd":["run it"],
    "User":"1000:50","StopSignal":"SIGQUIT","Labels":{"a":"1","b":"two","c":3},"ExposedPorts":{"80/tcp":{}},
    "Volumes":{"/data":{},"/var":{}}}})");
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->author, "somebody");
  EXPECT_THAT(parsed->entrypoint, ElementsAre("/bin/sh", "-c"));
  EXPECT_THAT(parsed->command, ElementsAre("run it"));
  EXPECT_EQ(parsed->user, "1000:50");
  EXPECT_EQ(parsed->stop_signal, "SIGQUIT");
  EXPECT_EQ(parsed->labels, (Annotations{{"a", "1"}, {"b", "two"}}));
  EXPECT_THAT(parsed->exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(parsed->volumes, ElementsAre("/data", "/var"));
}

TEST(AConfig, MembersThatOnlyInformMayHaveAnyType) {
  for (const char* odd :
       {R"({"config":{"Entrypoint":1,"Cmd":{},"Labels":[],"ExposedPorts":"80","Volumes":[1]}})",
        R"({"config":{"Cmd":["a"],"cmd":["b"],"Labels":null},"history":{}})",
        R"({"config":[],"history":null})"}) {
    const auto parsed = config(odd);
    ASSERT_TRUE(parsed) << odd << ": " << parsed.error().message();
    EXPECT_TRUE(parsed->entrypoint.empty() && parsed->command.empty() && parsed->labels.empty()) << odd;
    EXPECT_TRUE(parsed->exposed_ports.empty() && parsed->volumes.empty() && parsed->history.empty()) << odd;
  }
  EXPECT_THAT(config(R"({"config":{"Entrypoint":"/init"}})")->entrypoint, ElementsAre("/init"));
}

TEST(AConfig, HasTheHistoryOfItsBuild) {
  const auto parsed = config(R"({"history":[{"created":"2026-01-02T03:04:05Z","created_by":"ADD rootfs"},
    {"created_by":"ENV A=1","empty_layer":true,"comment":"c","author":"me"},7]})");
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->history.size(), 3u);
  EXPECT_EQ(parsed->history[0].created, "2026-01-02T03:04:05Z");
  EXPECT_EQ(parsed->history[0].created_by, "ADD rootfs");
  EXPECT_FALSE(parsed->history[0].is_empty_layer);
  EXPECT_TRUE(parsed->history[1].is_empty_layer);
  EXPECT_EQ(parsed->history[1].comment + parsed->history[1].author, "cme");
  EXPECT_EQ(parsed->history[2].created_by, "") << "what is not an object keeps its place";
}

}  // namespace
}  // namespace layoutfs
