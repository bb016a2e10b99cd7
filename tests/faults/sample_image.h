// For tests: small images, put into a store blob by blob.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include "core/cas/descriptor_json.h"
#include "layoutfs/engine.h"

namespace layoutfs::testing {

inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

struct SampleImage {
  Descriptor layer, config, manifest;
};

// A tar without entries, with `size` bytes after its end that depend only on `name`; delivered in pieces of
// odd sizes.
class SampleSource final : public ByteSource {
 public:
  SampleSource(std::string_view name, std::size_t size)
      : random_(std::hash<std::string_view>()(name)), left_(kTarEnd + size) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t size = std::min({out.size(), left_, std::size_t{30'011}});
    for (std::byte& byte : out.first(size)) {
      byte = end_left_ > 0 ? std::byte{0} : static_cast<std::byte>(random_());
      if (end_left_ > 0) --end_left_;
    }
    left_ -= size;
    return size;
  }

 private:
  static constexpr std::size_t kTarEnd = 1024;  // two blocks of zeros
  std::minstd_rand random_;
  std::size_t left_, end_left_ = kTarEnd;
};

inline Result<Descriptor> put_document(Engine& engine, const JsonWriter& json, std::string_view media_type) {
  auto put = engine.put_blob_json(json.str());
  if (!put) return fail(std::move(put).error());
  return Descriptor{
      .media_type = std::string(media_type), .digest = std::move(put->digest), .size = put->size};
}

// Layer, config and manifest in this order: an image of `name` with one layer, a SampleSource of `size`. The
// same arguments make the same image.
inline Result<SampleImage> put_image(Engine& engine, std::string_view name, std::size_t size) {
  SampleSource content(name, size);
  auto layer = engine.put_blob(content);
  if (!layer) return fail(std::move(layer).error());
  SampleImage image;
  image.layer = {.media_type = std::string(kLayerType), .digest = layer->digest, .size = layer->size};

  JsonWriter config;
  config.begin_object().key("architecture").string("amd64").key("os").string("linux");
  config.key("config").begin_object().end_object();
  config.key("rootfs").begin_object().key("type").string("layers");
  config.key("diff_ids").begin_array().string(layer->digest.str()).end_array().end_object().end_object();
  auto config_blob = put_document(engine, config, kConfigType);
  if (!config_blob) return fail(std::move(config_blob).error());
  image.config = std::move(*config_blob);

  JsonWriter manifest;
  manifest.begin_object().key("schemaVersion").integer(2).key("mediaType").string(kManifestType);
  write_descriptor(manifest.key("config"), image.config);
  write_descriptor(manifest.key("layers").begin_array(), image.layer);
  manifest.end_array().end_object();
  auto manifest_blob = put_document(engine, manifest, kManifestType);
  if (!manifest_blob) return fail(std::move(manifest_blob).error());
  image.manifest = std::move(*manifest_blob);
  return image;
}

}  // namespace layoutfs::testing
