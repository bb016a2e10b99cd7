// For tests: manifests and indexes beyond LayoutWriter, with subjects and Docker's types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/layout_writer.h"

namespace layoutfs::testing {

inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerListType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kArtifactType = "application/vnd.oci.artifact.manifest.v1+json";

inline std::string text_of(const Descriptor& descriptor) {
  JsonWriter json;
  json.begin_object();
  if (!descriptor.media_type.empty()) json.key("mediaType").string(descriptor.media_type);
  json.key("digest").string(descriptor.digest.str());
  json.key("size").integer(static_cast<std::int64_t>(descriptor.size));
  if (!descriptor.urls.empty()) {
    json.key("urls").begin_array();
    for (const auto& url : descriptor.urls) json.string(url);
    json.end_array();
  }
  return json.end_object().str();
}

inline std::string text_of(const std::vector<Descriptor>& descriptors) {
  std::string text = "[";
  for (const auto& descriptor : descriptors) text += (text.size() > 1 ? "," : "") + text_of(descriptor);
  return text + "]";
}

inline std::string subject_member(const Descriptor* subject) {
  return subject == nullptr ? "" : R"(,"subject":)" + text_of(*subject);
}

inline std::string manifest_text(const Descriptor& config, const std::vector<Descriptor>& layers,
                                 const Descriptor* subject = nullptr) {
  return R"({"schemaVersion":2,"config":)" + text_of(config) + R"(,"layers":)" + text_of(layers) +
         subject_member(subject) + "}";
}

inline std::string index_document(const std::vector<Descriptor>& manifests,
                                  const Descriptor* subject = nullptr) {
  return R"({"schemaVersion":2,"manifests":)" + text_of(manifests) + subject_member(subject) + "}";
}

// An artifact manifest of image-spec 1.1's release candidates.
inline std::string artifact_text(const std::vector<Descriptor>& blobs, const Descriptor* subject = nullptr) {
  return R"({"artifactType":"a/b","blobs":)" + text_of(blobs) + subject_member(subject) + "}";
}

}  // namespace layoutfs::testing
