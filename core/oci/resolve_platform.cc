// From an index to the manifest for a platform.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/list_text.h"
#include "core/oci/reference.h"

namespace layoutfs {
namespace {

// How deep indexes may nest, and how many of them one search reads.
constexpr std::size_t kMaxIndexDepth = 16;
constexpr std::size_t kMaxIndexes = 64;

void add_once(std::vector<std::string>& items, std::string item) {
  if (std::ranges::find(items, item) == items.end()) items.push_back(std::move(item));
}

// Looks through an index and those below it for the nearest manifest.
class PlatformSearch {
 public:
  PlatformSearch(const Engine& engine, const Platform& platform) : engine_(engine), platform_(platform) {}

  // Nothing where no manifest there serves the platform.
  Result<std::optional<Descriptor>> search(Descriptor descriptor, std::size_t depth) {
    if (document_kind(descriptor.media_type) == DocumentKind::manifest)
      return std::optional(std::move(descriptor));
    return search_index(descriptor, depth);
  }

  const std::vector<std::string>& platforms() const { return platforms_; }

 private:
  Result<std::optional<Descriptor>> search_index(const Descriptor& descriptor, std::size_t depth) {
    visited_.insert(descriptor.digest);
    if (depth >= kMaxIndexDepth || visited_.size() > kMaxIndexes)
      return fail(Errc::invalid_image, descriptor.digest.str() + ": indexes nest too deep or are too many");
    auto index = read_index(engine_, descriptor);
    if (!index) return fail(std::move(index).error());
    auto& entries = index->manifests;
    for (const auto& entry : entries)
      if (entry.platform && !is_attestation(entry) && platforms_.size() < kMaxPlatforms)
        add_once(platforms_, to_string(normalized(*entry.platform)));
    std::erase_if(entries, [](const Descriptor& entry) {
      return document_kind(entry.media_type) == DocumentKind::other;
    });
    for (;;) {
      // Each turn reads an index that was never read before, or is the last: their number is limited.
      std::erase_if(entries, [&](const Descriptor& entry) { return visited_.contains(entry.digest); });
      const auto best = choose_platform(entries, platform_);
      if (!best) return std::nullopt;
      auto found = search(entries[*best], depth + 1);
      if (!found || *found) return found;
    }
  }

  static constexpr std::size_t kMaxPlatforms = 100;
  const Engine& engine_;
  const Platform& platform_;
  std::set<Digest> visited_;
  std::vector<std::string> platforms_;
};

}  // namespace

Result<Descriptor> resolve_platform(const Engine& engine, Descriptor descriptor, const Platform& platform) {
  if (descriptor.media_type.empty()) {
    auto known = with_media_type(engine, std::move(descriptor));
    if (!known) return known;
    descriptor = std::move(*known);
  }
  if (document_kind(descriptor.media_type) == DocumentKind::other)
    return fail(Errc::unsupported, descriptor.digest.str() + ": media type '" + descriptor.media_type +
                                       "' is neither a manifest's nor an index's");
  const std::string name = descriptor.digest.str();
  PlatformSearch search(engine, platform);
  auto found = search.search(std::move(descriptor), 0);
  if (!found) return fail(std::move(found).error());
  if (*found) return **std::move(found);
  const auto& platforms = search.platforms();
  return fail(Errc::not_found, name + ": no image for " + to_string(platform) +
                                   (platforms.empty() ? "" : ", there are: " + list_of(platforms)));
}

}  // namespace layoutfs
