#include "core/remote/known_blobs.h"

#include <utility>

#include "core/oci/graph.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMostBlobs = 200'000;

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
  auto node = parse_graph_node(document, media_type);
  if (!node) return;  // its readers report the error
  const std::vector<Descriptor> children = children_of(*std::move(node));
  for (const Descriptor& child : children) add(child);
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
