// Writes image layouts for tests by plain file calls, good and broken ones. Every piece can be written
// separately.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {

inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kTarType = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kGzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kZstdType = "application/vnd.oci.image.layer.v1.tar+zstd";

class LayoutWriter {
 public:
  // Begins a layout at `path`: `oci-layout`, `blobs/sha256` and an `index.json` without entries.
  explicit LayoutWriter(std::string path) : path_(std::move(path)) {
    write_file(path_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    std::filesystem::create_directories(path_ + "/blobs/sha256");
    write_index({});
  }

  const std::string& path() const { return path_; }
  std::string blob_path(const Digest& digest) const { return path_ + "/" + digest.blob_path(); }

  // Writes a blob; the descriptor has the media type, the digest and the size.
  Descriptor blob(ByteView content, std::string_view media_type, Algorithm algorithm = Algorithm::sha256) {
    const auto digest = Digest::of(content, algorithm);
    write_file(blob_path(digest), content);
    return Descriptor{.media_type = std::string(media_type), .digest = digest, .size = content.size()};
  }
  Descriptor blob(std::string_view content, std::string_view media_type) {
    return blob(as_bytes(content), media_type);
  }

  // An image's config that names `diff_ids`, for `platform`.
  Descriptor config(const std::vector<Digest>& diff_ids, const Platform& platform = {"linux", "amd64", ""}) {
    JsonWriter json;
    json.begin_object().key("os").string(platform.os).key("architecture").string(platform.architecture);
    if (!platform.variant.empty()) json.key("variant").string(platform.variant);
    json.key("rootfs").begin_object().key("type").string("layers").key("diff_ids").begin_array();
    for (const auto& digest : diff_ids) json.string(digest.str());
    json.end_array().end_object().end_object();
    return blob(json.str(), kConfigType);
  }

  Descriptor manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
    JsonWriter json;
    json.begin_object().key("schemaVersion").integer(2).key("mediaType").string(kManifestType);
    write(json.key("config"), config);
    json.key("layers").begin_array();
    for (const auto& layer : layers) write(json, layer);
    json.end_array().end_object();
    return blob(json.str(), kManifestType);
  }

  Descriptor index(const std::vector<Descriptor>& manifests) {
    return blob(index_text(manifests), kIndexType);
  }

  // Replaces index.json by one with these entries, by rename as other programs do.
  void write_index(const std::vector<Descriptor>& entries) { write_index_text(index_text(entries)); }
  void write_index_text(std::string_view text) {
    write_file(path_ + "/index.json.new", text);
    std::filesystem::rename(path_ + "/index.json.new", path_ + "/index.json");
  }

 private:
  static void write(JsonWriter& json, const Descriptor& descriptor) {
    json.begin_object().key("mediaType").string(descriptor.media_type);
    json.key("digest").string(descriptor.digest.str());
    json.key("size").integer(static_cast<std::int64_t>(descriptor.size));
    if (!descriptor.annotations.empty()) {
      json.key("annotations").begin_object();
      for (const auto& [name, value] : descriptor.annotations) json.key(name).string(value);
      json.end_object();
    }
    if (descriptor.platform) {
      json.key("platform").begin_object().key("os").string(descriptor.platform->os);
      json.key("architecture").string(descriptor.platform->architecture);
      if (!descriptor.platform->variant.empty()) json.key("variant").string(descriptor.platform->variant);
      if (!descriptor.platform->os_features.empty()) {
        json.key("os.features").begin_array();
        for (const auto& feature : descriptor.platform->os_features) json.string(feature);
        json.end_array();
      }
      json.end_object();
    }
    if (!descriptor.artifact_type.empty()) json.key("artifactType").string(descriptor.artifact_type);
    json.end_object();
  }

  static std::string index_text(const std::vector<Descriptor>& manifests) {
    JsonWriter json;
    json.begin_object().key("schemaVersion").integer(2).key("manifests").begin_array();
    for (const auto& manifest : manifests) write(json, manifest);
    return json.end_array().end_object().str();
  }

  std::string path_;
};

// `descriptor` under a name (ref.name), for a platform.
inline Descriptor named(Descriptor descriptor, std::string_view name) {
  descriptor.annotations.insert_or_assign(std::string(kRefName), std::string(name));
  return descriptor;
}
inline Descriptor for_platform(Descriptor descriptor, Platform platform) {
  descriptor.platform = std::move(platform);
  return descriptor;
}

}  // namespace layoutfs::testing
