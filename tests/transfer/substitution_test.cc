// Layers that a destination has in another compression.
#include "core/transfer/substitution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/transfer/copy.h"
#include "layoutfs/documents.h"
#include "tests/transfer/images.h"

namespace layoutfs {
namespace {

using testing::failure_of;
using ::testing::IsEmpty;
using testing::must;
using testing::TempDir;

// Nothing is decoded here: a table has the content of each blob.
constexpr std::string_view kPlainLayer = "the layer", kGzip = "\x1f\x8b the same by gzip",
                           kZstd = "\x28\xb5\x2f\xfd the same by zstd";

class Substituting : public ::testing::Test {
 protected:
  Substituting() {
    for (const std::string_view text : {kPlainLayer, kGzip, kZstd})
      contents[digest(text)] = digest(kPlainLayer);
    layout.write_index({});
  }
  static Digest digest(std::string_view text) { return Digest::of(as_bytes(text)); }
  Descriptor image_of(std::string_view layer, std::string_view type,
                      std::string_view manifest_type = testing::kManifestType) {
    const auto config = layout.config({digest(kPlainLayer)});
    return layout.blob(testing::manifest_text(config, {layout.blob(layer, type)}), manifest_type);
  }
  Substituted substitute(const std::vector<NamedDescriptor>& images) {
    SubstitutionOptions options{
        .cache = cache.get(), .scope = "target", .find_digest = nullptr, .context = {}};
    options.find_digest = [this](const Provider& provider, const Digest& layer, Algorithm,
                                 const Context&) -> Result<Digest> {
      ++decoded;
      if (auto blob = provider.get_blob(layer); !blob) return fail(std::move(blob).error());
      const auto found = contents.find(layer);
      return found == contents.end() ? Digest::of(as_bytes("other")) : found->second;
    };
    return must(substitute_layers(*source(), target, images, options));
  }
  std::shared_ptr<const LayoutReader> source() { return must(open_dir(layout.path())); }
  CopyCounts copy(const Substituted& substituted) {
    return must(copy_images(source(), target, substituted.images,
                            {.cache = cache.get(), .scope = "target", .documents = &substituted.manifests}));
  }
  void have(const Descriptor& image) {
    must(copy_images(source(), target, std::vector<NamedDescriptor>{{"old", image}}));
  }
  Manifest manifest_named(std::string_view name) const {
    return must(read_manifest(*target, must(target->get_reference(name))));
  }

  TempDir directory;
  testing::LayoutWriter layout{directory / "source"};
  std::shared_ptr<Engine> target = testing::new_layout(directory / "target");
  std::unique_ptr<BlobInfoCache> cache = memory_cache();
  std::map<Digest, Digest> contents;  // uncompressed, by the blob
  int decoded = 0;
};

TEST_F(Substituting, ALayerThatIsThereInAnotherCompressionIsNotCopied) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of(kZstd, testing::kZstdType);
  const auto substituted = substitute({{"new", image}});
  EXPECT_EQ(substituted.layers, 1u);
  EXPECT_EQ(substituted.bytes, kZstd.size());
  EXPECT_NE(substituted.images[0].descriptor.digest, image.digest);
  EXPECT_EQ(copy(substituted).copied_blobs, 0u) << "even the manifest is that of the other image";
  EXPECT_FALSE(must(target->exists(digest(kZstd))));
  EXPECT_FALSE(must(target->exists(image.digest)));
  const Manifest now = manifest_named("new");
  EXPECT_EQ(now.layers[0].digest, digest(kGzip));
  EXPECT_EQ(now.layers[0].size, kGzip.size());
  EXPECT_EQ(now.layers[0].media_type, testing::kGzipType);
  EXPECT_EQ(now.config, must(read_manifest(*source(), image)).config);
}

TEST_F(Substituting, EachLayerIsDecodedOnce) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of(kPlainLayer, testing::kTarType);
  substitute({{"new", image}});
  EXPECT_EQ(decoded, 2);
  EXPECT_EQ(substitute({{"new", image}}).layers, 1u);
  EXPECT_EQ(decoded, 2);
}

TEST_F(Substituting, NothingIsTakenFromAConfig) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of("another layer, whose config lies", testing::kTarType);
  const auto substituted = substitute({{"new", image}});
  EXPECT_EQ(substituted.layers, 0u);
  EXPECT_EQ(substituted.images[0].descriptor.digest, image.digest);
  EXPECT_THAT(substituted.manifests, IsEmpty());
  contents.erase(digest(kGzip));
  EXPECT_EQ(substitute({{"new", image_of(kPlainLayer, testing::kTarType)}}).layers, 1u)
      << "the cache knows it";
  cache = memory_cache();
  EXPECT_EQ(substitute({{"new", image_of(kPlainLayer, testing::kTarType)}}).layers, 0u);
}

TEST_F(Substituting, WhatIsThereItselfIsTaken) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of(kZstd, testing::kZstdType);
  must(testing::put_text(*target, kZstd));
  EXPECT_EQ(substitute({{"new", image}}).images[0].descriptor.digest, image.digest);
  EXPECT_EQ(decoded, 0);
}

TEST_F(Substituting, DigestsThatOthersRelyOnStay) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of(kZstd, testing::kZstdType);
  const auto signature =
      layout.blob(testing::manifest_text(layout.config({}), {}, &image), testing::kManifestType);
  const auto index = layout.index({image});
  for (const std::vector<NamedDescriptor>& images :
       {std::vector<NamedDescriptor>{{"new", image}, {"", signature}}, {{"new", index}}}) {
    const auto substituted = substitute(images);
    EXPECT_EQ(substituted.layers, 0u);
    EXPECT_EQ(substituted.images[0].descriptor.digest, images[0].descriptor.digest);
  }
  auto annotated = testing::descriptor_of(kZstd, testing::kZstdType);
  annotated.annotations.emplace("io.github.containers.zstd-chunked.manifest-checksum", "of this blob");
  const auto chunked = layout.manifest(layout.config({digest(kPlainLayer)}), {annotated});
  EXPECT_EQ(substitute({{"new", chunked}}).layers, 0u);
}

TEST_F(Substituting, ADockerManifestGetsNoTypeThatThereIsNot) {
  have(image_of(kZstd, testing::kZstdType));
  const auto image =
      image_of(kGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip", testing::kDockerManifestType);
  EXPECT_EQ(substitute({{"new", image}}).layers, 0u);
  have(image_of(kPlainLayer, testing::kTarType));
  must(target->delete_blob(digest(kZstd)));
  const auto substituted = substitute({{"new", image}});
  EXPECT_EQ(substituted.layers, 1u);
  copy(substituted);
  EXPECT_EQ(manifest_named("new").layers[0].media_type, "application/vnd.docker.image.rootfs.diff.tar");
}

TEST_F(Substituting, ADamagedLayerIsNoSubstitute) {
  have(image_of(kGzip, testing::kGzipType));
  const auto image = image_of(kZstd, testing::kZstdType);
  EXPECT_EQ(substitute({{"new", image}}).layers, 1u);
  testing::write_file(directory / "target/" + digest(kGzip).blob_path(), std::string(kGzip.size(), '\0'));
  EXPECT_EQ(substitute({{"new", image}}).layers, 0u);
}

}  // namespace
}  // namespace layoutfs
