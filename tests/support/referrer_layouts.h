// For tests: every way in which a layout can contain referrers of an image. All code that follows references
// must find the same ones.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "core/oci/media_types.h"
#include "tests/support/documents.h"

namespace layoutfs::testing {

struct WrittenReferrers {
  std::vector<Descriptor> entries;    // of index.json, besides the image
  std::vector<Descriptor> referrers;  // of the image, and of its referrers
  std::vector<Digest> digests() const {
    std::vector<Digest> sorted;
    for (const Descriptor& referrer : referrers) sorted.push_back(referrer.digest);
    std::ranges::sort(sorted);
    return sorted;
  }
};

struct ReferrerLayout {
  std::string_view name;
  std::function<WrittenReferrers(LayoutWriter& writer, const Descriptor& image)> write;
};

inline Descriptor without_type(Descriptor descriptor) {
  descriptor.media_type.clear();
  return descriptor;
}

inline const std::vector<ReferrerLayout>& referrer_layouts() {
  const auto artifact = [](LayoutWriter& writer, const Descriptor* subject, std::string_view type,
                           const std::vector<Descriptor>& blobs = {}) {
    return writer.blob(artifact_text(blobs, subject), type);
  };
  const auto signature = [](LayoutWriter& writer, const Descriptor& subject, std::string_view note) {
    const auto config = writer.blob("{}", media_type::kOciEmpty);
    return writer.blob(manifest_text(config, {writer.blob(note, "text/plain")}, &subject), kManifestType);
  };
  const auto of_type = [artifact](std::string_view type) {
    return [artifact, type](LayoutWriter& writer, const Descriptor& image) {
      const auto found = artifact(writer, &image, type);
      return WrittenReferrers{{found}, {found}};
    };
  };
  static const std::vector<ReferrerLayout> kLayouts{
      {"a manifest",
       [signature](LayoutWriter& writer, const Descriptor& image) {
         const auto found = signature(writer, image, "one");
         return WrittenReferrers{{found}, {found}};
       }},
      {"an artifact manifest of OCI", of_type(media_type::kOciArtifactManifest)},
      {"an artifact manifest of ORAS", of_type(media_type::kOrasArtifactManifest)},
      {"an index",
       [](LayoutWriter& writer, const Descriptor& image) {
         const auto found = writer.blob(index_document({}, &image), kIndexType);
         return WrittenReferrers{{found}, {found}};
       }},
      {"an artifact manifest without a media type in its entry",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto found = artifact(writer, &image, media_type::kOciArtifactManifest);
         return WrittenReferrers{{without_type(found)}, {found}};
       }},
      {"a manifest without a media type in its entry",
       [signature](LayoutWriter& writer, const Descriptor& image) {
         const auto found = signature(writer, image, "one");
         return WrittenReferrers{{without_type(found)}, {found}};
       }},
      {"an artifact manifest in an index",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto found = artifact(writer, &image, media_type::kOrasArtifactManifest);
         return WrittenReferrers{{writer.index({found})}, {found}};
       }},
      {"an artifact manifest in the index of a fallback tag",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto found = artifact(writer, &image, media_type::kOciArtifactManifest);
         return WrittenReferrers{{named(writer.index({found}), "sha256-" + image.digest.hex())}, {found}};
       }},
      {"an artifact manifest that another one refers to",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto inner = artifact(writer, &image, media_type::kOciArtifactManifest);
         const auto outer = artifact(writer, &inner, media_type::kOciArtifactManifest);
         return WrittenReferrers{{outer}, {inner, outer}};
       }},
      {"a signature that a countersignature refers to",
       [signature](LayoutWriter& writer, const Descriptor& image) {
         const auto inner = signature(writer, image, "one");
         const auto outer = signature(writer, inner, "two");
         return WrittenReferrers{{outer}, {inner, outer}};
       }},
      {"an artifact manifest that an index refers to",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto inner = artifact(writer, &image, media_type::kOrasArtifactManifest);
         const auto outer = writer.blob(index_document({}, &inner), kIndexType);
         return WrittenReferrers{{outer}, {inner, outer}};
       }},
      {"an artifact manifest among the blobs of an artifact manifest",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto inner = artifact(writer, &image, media_type::kOciArtifactManifest);
         return WrittenReferrers{{artifact(writer, nullptr, media_type::kOrasArtifactManifest, {inner})},
                                 {inner}};
       }},
      {"an artifact manifest among the layers of a manifest",
       [artifact](LayoutWriter& writer, const Descriptor& image) {
         const auto inner = artifact(writer, &image, media_type::kOrasArtifactManifest);
         const auto config = writer.blob("{}", media_type::kOciEmpty);
         return WrittenReferrers{{writer.manifest(config, {inner})}, {inner}};
       }},
  };
  return kLayouts;
}

}  // namespace layoutfs::testing
