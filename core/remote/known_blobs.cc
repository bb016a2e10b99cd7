#include "core/remote/known_blobs.h"

#include <utility>

#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMostBlobs = 200'000;

std::vector<Descriptor> descriptors_in(ByteView document, std::string_view media_type) {
  std::vector<Descriptor> all;
  switch (document_kind(media_type)) {
    case DocumentKind::index:
      if (auto index = Index::parse(document)) all = std::move(index->manifests);
      break;
    case DocumentKind::manifest:
      if (auto manifest = Manifest::parse(document)) {
        all = std::move(manifest->layers);
        all.push_back(std::move(manifest->config));
      }
      break;
    case DocumentKind::other:
      break;
  }
  return all;
}

}  // namespace

void KnownBlobs::add(const Descriptor& descriptor) {
  if (descriptor.digest.empty()) return;
  auto blobs = blobs_.lock();
  if (blobs->size() < kMostBlobs)
    blobs->try_emplace(descriptor.digest, Descriptor{.media_type = descriptor.media_type,
                                                     .digest = descriptor.digest,
                                                     .size = descriptor.size});
}

void KnownBlobs::learn(ByteView document, std::string_view media_type) {
  const std::vector<Descriptor> all = descriptors_in(document, media_type);
  for (const Descriptor& each : all) add(each);
}

std::optional<Descriptor> KnownBlobs::find(const Digest& digest) const {
  auto blobs = blobs_.lock();
  const auto found = blobs->find(digest);
  return found == blobs->end() ? std::nullopt : std::optional(found->second);
}

std::vector<Digest> KnownBlobs::digests() const {
  std::vector<Digest> all;
  auto blobs = blobs_.lock();
  all.reserve(blobs->size());
  for (const auto& each : *blobs) all.push_back(each.first);
  return all;
}

}  // namespace layoutfs
