// A good layout has no problems; every way to break one has its own.
#include "layoutfs/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/cache/index_cache.h"
#include "core/layer/indexer.h"
#include "core/layer/layer_index.h"
#include "layoutfs/documents.h"
#include "layoutfs/open.h"
#include "tests/support/documents.h"
#include "tests/support/gzip_blobs.h"
#include "tests/support/referrer_layouts.h"
#include "tests/support/stream_index_builder.h"
#include "tests/support/tar_writer.h"
#include "tests/support/zstd_blobs.h"

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using testing::gzip_of;
using ::testing::HasSubstr;
using testing::index_document;
using ::testing::IsEmpty;
using testing::LayoutWriter;
using testing::manifest_text;
using testing::named;
using testing::sample_bytes;
using testing::TempDir;
using testing::zstd_of;
using Kind = FsckProblem::Kind;

// A tar of one file with `size` bytes that do not compress much.
Bytes tar_of(std::size_t size, std::uint64_t seed) {
  return testing::TarWriter().file("data", std::string(as_text(sample_bytes(size, seed)))).bytes();
}

class Fsck : public ::testing::Test {
 protected:
  // An image with one layer, and a config with the diffID of `plain`.
  Descriptor image(ByteView layer, std::string_view type, ByteView plain) {
    const auto descriptor = layout.blob(layer, type);
    return layout.manifest(layout.config({Digest::of(plain)}), {descriptor});
  }
  Descriptor image(const std::string& name) {
    const Bytes tar = testing::TarWriter().file(name, name).bytes();
    return image(tar, testing::kTarType, tar);
  }
  static Digest layer_of(const Descriptor& image, const Engine& engine) {
    return read_manifest(engine, image).value().layers.at(0).digest;
  }
  Digest layer_of(const Descriptor& image) const { return layer_of(image, *open_dir(layout.path()).value()); }
  // Returns an image with a layer of each compression.
  Descriptor mixed_image() {
    std::vector<Digest> diff_ids;
    std::vector<Descriptor> layers;
    const auto add = [&](std::uint64_t seed, auto compress, std::string_view type) {
      const Bytes plain = tar_of(1'500'000, seed);
      diff_ids.push_back(Digest::of(plain));
      layers.push_back(layout.blob(compress(plain), type));
    };
    add(1, [](const Bytes& plain) { return plain; }, testing::kTarType);
    add(2, [](const Bytes& plain) { return gzip_of(plain); }, testing::kGzipType);
    add(3, [](const Bytes& plain) { return testing::gzip_members_of(plain, 400'000); }, testing::kGzipType);
    add(4, [](const Bytes& plain) { return zstd_of(plain); }, testing::kZstdType);
    add(5, [](const Bytes& plain) { return zstd_of(plain, {.has_checksum = true}); }, testing::kZstdType);
    return layout.manifest(layout.config(diff_ids), layers);
  }
  FsckReport report(const FsckOptions& options = {}) {
    auto result = check_layout(*engine, options);
    EXPECT_TRUE(result) << result.error().message();
    return result ? *std::move(result) : FsckReport();
  }
  std::vector<FsckProblem> problems() { return report().problems; }
  // The only problem must be this one, of this blob, and name it.
  void expect_only(Kind kind, const Digest& digest, std::string_view text) {
    const auto found = problems();
    ASSERT_EQ(found.size(), 1u) << listing(found);
    EXPECT_EQ(name_of(found[0].kind), name_of(kind)) << listing(found);
    EXPECT_EQ(found[0].digest, digest);
    EXPECT_THAT(found[0].message, HasSubstr(digest.str()));
    EXPECT_THAT(found[0].message, HasSubstr(std::string(text)));
  }
  static std::string listing(const std::vector<FsckProblem>& problems) {
    std::string text;
    for (const auto& problem : problems)
      text += std::string(name_of(problem.kind)) + ": " + problem.message + "\n";
    return text;
  }
  void overwrite(const Digest& digest, std::string_view content) {
    testing::write_file(layout.blob_path(digest), content);
  }

  TempDir directory;
  LayoutWriter layout{directory / "layout"};
  std::unique_ptr<Engine> engine = open_dir(layout.path()).value();
};

// The bytes that this process has read from files (proc(5), io).
std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t count = 0;
  io >> name >> count;
  EXPECT_EQ(name, "rchar:");
  return count;
}

Bytes bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return Bytes(as_bytes(text).begin(), as_bytes(text).end());
}

class IndexedFsck : public Fsck {
 protected:
  // Puts an index of `content` into the cache as that of `layer`.
  void keep_index(const Digest& layer, const Bytes& content) {
    const auto blob = std::make_shared<testing::MemoryBlob>(content);
    IndexCache cache(cache_directory);
    cache.store(CacheKind::layer_index, layer, index_layer(blob, Digest::of(content)).value()).value();
  }
  const std::string cache_directory = directory / "cache";
};

TEST_F(IndexedFsck, LayersWithIndexesAreDecodedByThem) {
  const auto mixed = mixed_image();
  layout.write_index({named(mixed, "app")});
  std::uint64_t layer_bytes = 0;
  const Manifest manifest = read_manifest(*engine, mixed).value();
  for (const Descriptor& layer : manifest.layers) {
    keep_index(layer.digest, bytes_of_file(layout.blob_path(layer.digest)));
    layer_bytes += layer.size;
  }
  const std::uint64_t before = bytes_read();
  const auto plain = report();
  const std::uint64_t once = bytes_read() - before;
  const auto indexed = report({.cache_directory = cache_directory});
  EXPECT_GE(bytes_read() - before, 2 * once + layer_bytes - layer_bytes / 10)
      << "hashed, and decoded by the index";
  EXPECT_THAT(indexed.problems, IsEmpty()) << listing(indexed.problems);
  EXPECT_EQ(indexed.bytes, plain.bytes);
  EXPECT_EQ(indexed.blobs, plain.blobs);
  EXPECT_EQ(indexed.diff_ids, plain.diff_ids);
}

TEST_F(IndexedFsck, AnIndexThatIsWrongCausesNoProblem) {
  const Bytes tar = tar_of(1'500'000, 11), blob = gzip_of(tar);
  const auto made = image(blob, testing::kGzipType, tar);
  layout.write_index({named(made, "app")});
  LayerIndexBuilder builder;
  builder.add_point(0, 0, {});
  builder.add_span(0, SpanDigest{1, 2});  // not that of the bytes
  Bytes wrong = builder
                    .finish({.blob = layer_of(made),
                             .diff_ids = {Digest::of(tar)},
                             .blob_size = blob.size(),
                             .stream_size = 100'000,
                             .compression = Compression::gzip})
                    .value();
  ASSERT_TRUE(LayerIndex::open(SharedBytes::of(Bytes(wrong)), layer_of(made)));
  IndexCache(cache_directory).store(CacheKind::layer_index, layer_of(made), std::move(wrong)).value();
  const auto found = report({.cache_directory = cache_directory});
  EXPECT_THAT(found.problems, IsEmpty()) << listing(found.problems);
  EXPECT_EQ(found.diff_ids, 1u);
}

TEST_F(IndexedFsck, DamageIsFoundAndNamedAsWithoutAnIndex) {
  const Bytes tar = tar_of(1'500'000, 13);
  Bytes blob = gzip_of(tar);
  const auto made = image(blob, testing::kGzipType, tar);
  layout.write_index({named(made, "app")});
  keep_index(layer_of(made), blob);
  blob[blob.size() / 2] ^= std::byte{4};
  overwrite(layer_of(made), as_text(blob));
  const auto found = report({.cache_directory = cache_directory});
  ASSERT_EQ(found.problems.size(), 1u) << listing(found.problems);
  EXPECT_EQ(found.problems[0].kind, Kind::wrong_digest);
  EXPECT_EQ(listing(found.problems), listing(problems()));
}

TEST_F(Fsck, AGoodLayoutHasNoProblems) {
  const auto index = layout.index({mixed_image(), image("other")});
  layout.write_index({named(index, "app"), named(image("other"), "other")});
  layout.blob("what nothing leads to is read as well", "");
  const auto found = report();
  EXPECT_THAT(found.problems, IsEmpty()) << listing(found.problems);
  EXPECT_EQ(found.references, 2u);
  EXPECT_EQ(found.documents, 3u);
  EXPECT_EQ(found.diff_ids, 6u);
  EXPECT_EQ(found.blobs, 1u + 2u + 2u + 6u + 1u);
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(layout.path() + "/blobs/sha256"))
    bytes += file.file_size();
  EXPECT_EQ(found.bytes, bytes);
}

TEST_F(Fsck, ChecksAnImageForWhateverRefersToIt) {
  for (const auto& each : testing::referrer_layouts()) {
    SCOPED_TRACE(each.name);
    const Descriptor subject = image(std::string(each.name));
    const auto written = each.write(layout, subject);
    layout.write_index(written.entries);
    EXPECT_THAT(report().problems, IsEmpty());
    std::filesystem::remove(layout.blob_path(layer_of(subject)));
    const auto problems = report().problems;
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].kind, Kind::missing_blob);
    EXPECT_EQ(problems[0].digest, layer_of(subject));
  }
}

TEST_F(Fsck, AnEmptyLayoutHasNoProblems) {
  const auto found = report();
  EXPECT_THAT(found.problems, IsEmpty());
  EXPECT_EQ(found.blobs + found.bytes + found.references + found.documents + found.diff_ids, 0u);
}

TEST_F(Fsck, DockersTypesAndOtherAlgorithmsAreReadAlike) {
  const Bytes plain = tar_of(100'000, 1);
  const auto layer =
      layout.blob(gzip_of(plain), "application/vnd.docker.image.rootfs.diff.tar.gzip", Algorithm::sha512);
  auto config = layout.config({Digest::of(plain, Algorithm::sha512)});
  config.media_type = "application/vnd.docker.container.image.v1+json";
  const auto manifest = layout.blob(manifest_text(config, {layer}), testing::kDockerManifestType);
  layout.write_index({layout.blob(index_document({manifest}), testing::kDockerListType)});
  const auto found = report();
  EXPECT_THAT(found.problems, IsEmpty()) << listing(found.problems);
  EXPECT_EQ(found.documents, 2u);
  EXPECT_EQ(found.diff_ids, 1u);
}

TEST_F(Fsck, AnArtifactsBlobsAreNotTakenForLayers) {
  const auto config = layout.config({Digest::of(as_bytes("something else"))});
  const auto attestation = layout.blob("{}", "application/vnd.in-toto+json");
  layout.write_index({layout.manifest(config, {attestation})});
  EXPECT_THAT(problems(), IsEmpty());

  const auto other = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  std::string text = manifest_text(other, {layout.blob("a file", testing::kTarType)});
  text.insert(1, R"("artifactType":"application/vnd.unknown.artifact.v1",)");
  layout.write_index({layout.blob(text, testing::kManifestType)});
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Fsck, FindsEveryMissingBlobOnce) {
  const auto manifest = image("a");
  const auto layer = Digest::of(testing::TarWriter().file("a", "a").bytes());
  std::filesystem::remove(layout.blob_path(layer));
  layout.write_index({named(manifest, "a"), named(layout.index({manifest, manifest}), "b")});
  expect_only(Kind::missing_blob, layer, "missing");
  overwrite(layer, testing::TarWriter().file("a", "a").text());
  std::filesystem::remove(layout.blob_path(manifest.digest));
  expect_only(Kind::missing_blob, manifest.digest, "missing");
}

TEST_F(Fsck, TellsAbsentChildrenOfAnIndexFromMissingBlobs) {
  const auto here = image("here"), gone = image("gone"), both = image("both");
  layout.write_index({named(layout.index({here, gone, both}), "app"), named(both, "both")});
  std::filesystem::remove(layout.blob_path(gone.digest));
  const auto found = report();
  EXPECT_THAT(found.problems, IsEmpty()) << listing(found.problems);
  ASSERT_EQ(found.absent.size(), 1u);
  EXPECT_EQ(found.absent[0].digest, gone.digest);
  std::filesystem::remove(layout.blob_path(both.digest));
  expect_only(Kind::missing_blob, both.digest, "the blob is missing");
  EXPECT_EQ(report().absent.size(), 1u);
}

TEST_F(Fsck, FollowsOldKindsOfDocumentsAndNotesUnknownOnes) {
  const auto layer = layout.blob(gzip_of(tar_of(100, 1)), testing::kGzipType);
  const auto schema1 =
      layout.blob(R"({"schemaVersion":1,"fsLayers":[{"blobSum":")" + layer.digest.str() + "\"}]}",
                  "application/vnd.docker.distribution.manifest.v1+prettyjws");
  const auto artifact = layout.blob(testing::artifact_text({layout.blob("data", "text/plain")}),
                                    "application/vnd.cncf.oras.artifact.manifest.v1+json; charset=utf-8");
  const auto unknown = layout.blob(R"({"of":")" + layer.digest.str() + "\"}", "application/vnd.new+json");
  layout.write_index({schema1, artifact, unknown});
  const auto found = report();
  EXPECT_THAT(found.problems, IsEmpty()) << listing(found.problems);
  EXPECT_EQ(found.documents, 3u);
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_THAT(found.notes[0], HasSubstr(unknown.digest.str()));
  std::filesystem::remove(layout.blob_path(layer.digest));
  expect_only(Kind::missing_blob, layer.digest, "the blob is missing");
}

TEST_F(Fsck, ALayerThatIsElsewhereMayBeAbsent) {
  Descriptor foreign{.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                     .digest = Digest::of(as_bytes("elsewhere")),
                     .size = 9,
                     .urls = {"https://example.org/layer"}};
  const auto config = layout.config({Digest::of(as_bytes("plain"))});
  layout.write_index({layout.blob(manifest_text(config, {foreign}), testing::kManifestType)});
  EXPECT_THAT(problems(), IsEmpty());

  foreign.urls.clear();
  layout.write_index({layout.blob(manifest_text(config, {foreign}), testing::kManifestType)});
  expect_only(Kind::missing_blob, foreign.digest, "missing");
  foreign.urls = {"https://example.org/layer"};
  foreign.media_type = testing::kGzipType;
  layout.write_index({layout.blob(manifest_text(config, {foreign}), testing::kManifestType)});
  expect_only(Kind::missing_blob, foreign.digest, "missing");
}

// distribution-spec, "Pushing Manifests with Subject"
TEST_F(Fsck, ASubjectMayBeAbsentAndIsReadWhereItIsThere) {
  const auto subject = image("a");
  const auto config = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  const auto referrer = layout.blob(manifest_text(config, {}, &subject), testing::kManifestType);
  layout.write_index({referrer});
  EXPECT_EQ(report().documents, 2u);
  overwrite(subject.digest, "{");
  expect_only(Kind::wrong_digest, subject.digest, "content has digest");
  std::filesystem::remove(layout.blob_path(subject.digest));
  EXPECT_THAT(problems(), IsEmpty());
  layout.write_index({referrer, subject});
  expect_only(Kind::missing_blob, subject.digest, "missing");
}

TEST_F(Fsck, ADocumentWithoutAMediaTypeThatIsNotUnderstoodIsBroken) {
  const auto config = layout.config({});
  const auto manifest =
      layout.blob(R"({"config":)" + testing::text_of(config) + R"(,"layers":[{"size":1,"digest":"blake3:)" +
                      config.digest.hex() + "\"}]}",
                  "");
  layout.write_index_text(index_document({manifest}));
  expect_only(Kind::broken_document, manifest.digest, "blake3");
}

TEST_F(Fsck, FindsDamagedBlobs) {
  const auto orphan = layout.blob("orphan", "");
  overwrite(orphan.digest, "0rphan");
  expect_only(Kind::wrong_digest, orphan.digest, Digest::of(as_bytes("0rphan")).str());
}

TEST_F(Fsck, ADamagedBlobIsOneProblemThoughItsSizeIsWrongToo) {
  const Bytes plain = tar_of(500'000, 1);
  const Bytes blob = gzip_of(plain);
  const auto manifest = image(blob, testing::kGzipType, plain);
  layout.write_index({manifest});
  overwrite(Digest::of(blob), as_text(ByteView(blob).first(blob.size() / 2)));
  expect_only(Kind::wrong_digest, Digest::of(blob), "content has digest");
}

TEST_F(Fsck, ADamagedDocumentIsOneProblemAndNotRead) {
  const auto manifest = image("a");
  layout.write_index({manifest, layout.index({manifest})});
  overwrite(manifest.digest, "{");
  expect_only(Kind::wrong_digest, manifest.digest, "content has digest");

  const auto other = image("b");
  const auto config = layout.config({Digest::of(testing::TarWriter().file("b", "b").bytes())});
  layout.write_index({other});
  overwrite(manifest.digest, "");
  std::filesystem::remove(layout.blob_path(manifest.digest));
  overwrite(config.digest, "[]");
  expect_only(Kind::wrong_digest, config.digest, "content has digest");
}

TEST_F(Fsck, FindsDescriptorsWithAWrongSizeAndFollowsThem) {
  auto manifest = image("a");
  const auto layer = Digest::of(testing::TarWriter().file("a", "a").bytes());
  manifest.size += 1;
  layout.write_index({manifest});
  expect_only(Kind::wrong_size, manifest.digest, "a descriptor has " + std::to_string(manifest.size));
  std::filesystem::remove(layout.blob_path(layer));
  const auto found = report();
  EXPECT_EQ(found.problems.size(), 2u) << listing(found.problems);
  EXPECT_EQ(found.documents, 1u);
}

TEST_F(Fsck, FindsWrongDiffIdsOfEveryCompression) {
  const Bytes plain = tar_of(300'000, 1), other = tar_of(300'000, 2);
  const std::vector<std::pair<Bytes, std::string_view>> layers{
      {plain, testing::kTarType}, {gzip_of(plain), testing::kGzipType}, {zstd_of(plain), testing::kZstdType}};
  for (const auto& [blob, type] : layers) {
    layout.write_index({image(blob, type, other)});
    expect_only(Kind::wrong_diff_id, Digest::of(blob), Digest::of(plain).str());
    layout.write_index({image(blob, type, plain)});
    EXPECT_THAT(problems(), IsEmpty()) << type;
  }
}

// See diff_id.h for writers of such layers.
TEST_F(Fsck, ALayerMayLackZerosAtTheEndOfItsTar) {
  const Bytes plain = tar_of(300'000, 1);
  for (const std::size_t missing : {1U, 20U, 21U}) {
    Bytes whole = plain;
    whole.insert(whole.end(), missing * 512, std::byte{0});
    const Bytes blob = zstd_of(plain);
    layout.write_index({image(blob, testing::kZstdType, whole)});
    if (missing <= 20)
      EXPECT_THAT(problems(), IsEmpty()) << missing;
    else
      expect_only(Kind::wrong_diff_id, Digest::of(blob), Digest::of(plain).str());
  }
}

TEST_F(Fsck, ComparesWithEveryConfigThatNamesTheLayer) {
  const Bytes plain = tar_of(300'000, 1);
  const auto layer = layout.blob(gzip_of(plain), testing::kGzipType);
  const auto good = layout.config({Digest::of(plain)});
  const auto bad = layout.config({Digest::of(as_bytes("other"))});
  const auto worse = layout.config({Digest::of(as_bytes("another"), Algorithm::sha512)});
  layout.write_index(
      {layout.manifest(good, {layer}), layout.manifest(bad, {layer}), layout.manifest(worse, {layer})});
  const auto found = report();
  EXPECT_EQ(found.diff_ids, 3u);
  ASSERT_EQ(found.problems.size(), 2u) << listing(found.problems);
  EXPECT_EQ(found.problems[0].kind, Kind::wrong_diff_id);
  const auto text = listing(found.problems);
  EXPECT_THAT(text, HasSubstr(bad.digest.str()));
  EXPECT_THAT(text, HasSubstr(worse.digest.str()));
  EXPECT_THAT(text, HasSubstr(Digest::of(plain, Algorithm::sha512).str()));
}

TEST_F(Fsck, FindsAConfigThatDoesNotFitItsManifest) {
  const auto layer = layout.blob(tar_of(100, 1), testing::kTarType);
  const auto config = layout.config({layer.digest, layer.digest});
  layout.write_index({layout.manifest(config, {layer})});
  expect_only(Kind::broken_document, config.digest, "2 diff_ids for 1 layers");
}

TEST_F(Fsck, FindsLayersThatCannotBeDecompressed) {
  const Bytes plain = tar_of(300'000, 1);
  const Bytes gzip = gzip_of(plain), zstd = zstd_of(plain, {.has_checksum = true});
  Bytes wrong_crc = gzip;
  wrong_crc[wrong_crc.size() - 5] ^= std::byte{1};
  const auto half = [](const Bytes& blob) { return Bytes(blob.begin(), blob.begin() + blob.size() / 2); };
  const std::vector<std::pair<Bytes, std::string_view>> layers{
      {half(gzip), testing::kGzipType}, {half(zstd), testing::kZstdType}, {wrong_crc, testing::kGzipType}};
  for (const auto& [blob, type] : layers) {
    layout.write_index({image(blob, type, plain)});
    expect_only(Kind::broken_layer, Digest::of(blob), "");
  }
}

TEST_F(Fsck, FindsLayersThatAreNoTar) {
  const Bytes text = sample_bytes(300'000, 1), tar = tar_of(300'000, 1);
  const Bytes cut_off(tar.begin(), tar.begin() + 200'000);
  for (const Bytes& plain : {text, cut_off}) {
    const std::vector<std::pair<Bytes, std::string_view>> layers{{plain, testing::kTarType},
                                                                 {gzip_of(plain), testing::kGzipType},
                                                                 {zstd_of(plain), testing::kZstdType}};
    for (const auto& [blob, type] : layers) {
      layout.write_index({image(blob, type, plain)});
      expect_only(Kind::broken_layer, Digest::of(blob), "tar header at byte 0");
    }
  }
  const Bytes blob = gzip_of(text);
  layout.write_index({image(blob, testing::kGzipType, tar)});
  EXPECT_EQ(problems().size(), 2u) << "that the diffID is another one is a problem of its own";
}

TEST_F(Fsck, ReadsTheLayersOfAnImageWhoseConfigSaysNothingOfThem) {
  const auto other = layout.blob("{}", "application/vnd.oci.empty.v1+json");
  const Bytes good = gzip_of(tar_of(300'000, 1)), no_tar = gzip_of(sample_bytes(300'000, 1));
  const Bytes cut_off(good.begin(), good.begin() + good.size() / 2);
  for (const auto& config : {other, layout.config({})}) {
    for (const Bytes& layer : {cut_off, no_tar}) {
      layout.write_index({layout.manifest(config, {layout.blob(layer, testing::kGzipType)})});
      const auto found = report();
      EXPECT_EQ(found.diff_ids, 0u);
      EXPECT_THAT(listing(found.problems), HasSubstr("broken-layer: " + Digest::of(layer).str()));
    }
  }
  layout.write_index({layout.manifest(other, {layout.blob(good, testing::kGzipType)})});
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Fsck, FindsBrokenDocuments) {
  const auto bad_manifest = layout.blob("{", testing::kManifestType);
  layout.write_index({bad_manifest});
  expect_only(Kind::broken_document, bad_manifest.digest, "");
  const auto bad_index = layout.blob("[]", testing::kIndexType);
  layout.write_index({bad_index});
  expect_only(Kind::broken_document, bad_index.digest, "");
  const auto bad_config = layout.blob("7", testing::kConfigType);
  layout.write_index({layout.manifest(bad_config, {}), layout.manifest(bad_config, {bad_config})});
  expect_only(Kind::broken_document, bad_config.digest, "");
  const auto huge = layout.blob(std::string(5 << 20, ' '), testing::kIndexType);
  layout.write_index({huge});
  expect_only(Kind::broken_document, huge.digest, "more than");
}

TEST_F(Fsck, FindsBrokenEntriesOfAnIndexAndFollowsTheOthers) {
  const auto missing = Digest::of(as_bytes("missing"));
  const auto index =
      layout.blob(R"({"manifests":[7,{"size":7,"digest":")" + missing.str() + R"("}]})", testing::kIndexType);
  layout.write_index({index});
  const auto found = report();
  ASSERT_EQ(found.problems.size(), 1u) << listing(found.problems);
  EXPECT_THAT(listing(found.problems), HasSubstr("broken-document: " + index.digest.str() + ": entry 0"));
  ASSERT_EQ(found.absent.size(), 1u);
  EXPECT_EQ(found.absent[0].digest, missing);
}

TEST_F(Fsck, FindsBrokenReferences) {
  layout.write_index_text(R"({"manifests":[{"digest":"sha256:short","size":1}]})");
  const auto found = problems();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Kind::broken_reference);
  EXPECT_FALSE(found[0].digest);
  EXPECT_THAT(found[0].message, HasSubstr("entry 0"));
}

TEST_F(Fsck, FindsWhatCannotBeRead) {
  const auto manifest = image("a");
  layout.write_index({manifest});
  std::filesystem::remove(layout.blob_path(manifest.digest));
  std::filesystem::create_directory(layout.blob_path(manifest.digest));
  expect_only(Kind::unreadable, manifest.digest, "");
}

TEST_F(Fsck, ReportsTheSameWithAnyNumberOfThreads) {
  std::vector<Descriptor> entries{mixed_image()};
  for (int i = 0; i < 20; ++i) {
    const Bytes plain = tar_of(50'000, static_cast<std::uint64_t>(100 + i));
    entries.push_back(image(gzip_of(plain), testing::kGzipType, i % 3 == 0 ? Bytes() : plain));
    const auto damaged = layout.blob("damaged " + std::to_string(i), "");
    overwrite(damaged.digest, "other");
  }
  layout.write_index(entries);
  const auto alone = report({.threads = 1});
  EXPECT_EQ(alone.problems.size(), 7u + 20u);
  for (const unsigned threads : {2U, 7U, 1000U, 0U}) {
    const auto together = report({.threads = threads});
    EXPECT_EQ(listing(together.problems), listing(alone.problems)) << threads;
    EXPECT_EQ(together.blobs, alone.blobs);
    EXPECT_EQ(together.bytes, alone.bytes);
    EXPECT_EQ(together.diff_ids, alone.diff_ids);
  }
}

TEST_F(Fsck, ProgressGoesUpToAllFromOneThreadAtATime) {
  layout.write_index({mixed_image()});
  std::atomic<int> inside = 0;
  std::uint64_t last = 0, all = 0;
  int calls = 0;
  const auto found = report({.threads = 4, .progress = [&](std::uint64_t done, std::uint64_t total) {
                               EXPECT_EQ(++inside, 1);
                               EXPECT_GT(done, last);
                               last = done;
                               all = total;
                               ++calls;
                               --inside;
                             }});
  EXPECT_EQ(last, all);
  EXPECT_EQ(all, found.bytes);
  EXPECT_GT(calls, 10);
}

TEST_F(Fsck, ARequestToStopEndsIt) {
  layout.write_index({mixed_image()});
  std::stop_source source;
  const FsckOptions options{.threads = 2,
                            .progress = [&](std::uint64_t, std::uint64_t) { source.request_stop(); },
                            .context = {source.get_token(), {}}};
  EXPECT_EQ(check_layout(*engine, options).error().code(), Errc::cancelled);
  EXPECT_EQ(check_layout(*engine, options).error().code(), Errc::cancelled);
}

TEST_F(Fsck, AnExceptionOfTheProgressCallbackComesToTheCaller) {
  layout.write_index({mixed_image()});
  const FsckOptions options{
      .threads = 4, .progress = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("out"); }};
  EXPECT_THROW(ignore(check_layout(*engine, options), "it throws"), std::runtime_error);
}

TEST_F(Fsck, AClosedEngineIsAnError) {
  ASSERT_TRUE(engine->close());
  EXPECT_EQ(check_layout(*engine, {}).error().code(), Errc::closed);
}

TEST(FsckProblems, HaveStableNames) {
  std::vector<std::string_view> names;
  for (const auto kind :
       {Kind::missing_blob, Kind::wrong_digest, Kind::wrong_size, Kind::wrong_diff_id, Kind::broken_layer,
        Kind::broken_document, Kind::broken_reference, Kind::unreadable})
    names.push_back(name_of(kind));
  EXPECT_THAT(names, ElementsAre("missing-blob", "wrong-digest", "wrong-size", "wrong-diff-id",
                                 "broken-layer", "broken-document", "broken-reference", "unreadable"));
}

}  // namespace
}  // namespace layoutfs
