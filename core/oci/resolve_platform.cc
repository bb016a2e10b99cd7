// Chooses the manifest of an index for a platform.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/list_text.h"
#include "core/oci/reference.h"

namespace layoutfs {
namespace {

// Limits for the nesting of indexes, and for their number per search.
constexpr std::size_t kMaxIndexDepth = 16;
constexpr std::size_t kMaxIndexes = 64;
// Limits for the configs read because an index states no platforms, and for the manifests read to see if they
// are images.
constexpr std::size_t kMaxConfigs = 256;
constexpr std::size_t kMaxImages = 256;

void add_once(std::vector<std::string>& items, std::string item) {
  if (std::ranges::find(items, item) == items.end()) items.push_back(std::move(item));
}

// Searches an index and nested ones for the nearest image.
class PlatformSearch {
 public:
  PlatformSearch(const LayoutGraph& graph, const Platform& platform, const Context& context)
      : graph_(graph), platform_(platform), context_(context) {}

  // Returns nullopt if no image matches the platform.
  Result<std::optional<Descriptor>> search(Descriptor descriptor, std::size_t depth) {
    if (document_kind(descriptor.media_type) == DocumentKind::manifest)
      return std::optional(std::move(descriptor));
    return search_index(descriptor, depth);
  }

  // Returns the reason of a failed search: the available platforms.
  std::string reason() const {
    if (!absent_.empty())
      return "manifest " + absent_.front() + " is missing in the layout" +
             (platforms_.empty() ? "" : "; the index lists: " + list_of(platforms_));
    return platforms_.empty() ? "" : "available: " + list_of(platforms_);
  }

 private:
  struct Candidate {
    int distance;
    std::size_t position;  // in the index; the first of equal ones wins
    auto operator<=>(const Candidate&) const = default;
  };

  Result<std::optional<Descriptor>> search_index(const Descriptor& descriptor, std::size_t depth) {
    visited_.insert(descriptor.digest);
    if (depth >= kMaxIndexDepth || ++indexes_ > kMaxIndexes)
      return fail(Errc::invalid_image,
                  descriptor.digest.str() + ": indexes are nested too deeply, or there are too many");
    const auto index = graph_.index(descriptor, context_);
    if (!index) return fail(Error(index.error()));
    for (const Candidate& candidate : candidates_in((*index)->manifests)) {
      if (auto go_on = context_.check(); !go_on) return fail(std::move(go_on).error());
      const Descriptor& entry = (*index)->manifests[candidate.position];
      // Each iteration visits a new document.
      if (!visited_.insert(entry.digest).second) continue;
      const bool is_index = document_kind(entry.media_type) == DocumentKind::index;
      auto found = is_index ? search_index(entry, depth + 1) : check_image(entry);
      if (!found || *found) return found;
    }
    return std::nullopt;
  }

  std::vector<Candidate> candidates_in(const std::vector<Descriptor>& entries) {
    constexpr int kWithoutPlatform = std::numeric_limits<int>::max();
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Descriptor& entry = entries[i];
      if (is_not_image(entry) || document_kind(entry.media_type) == DocumentKind::other ||
          visited_.contains(entry.digest))
        continue;
      const auto platform = platform_of(entry);
      if (platform && platforms_.size() < kMaxPlatforms)
        add_once(platforms_, to_string(normalized(*platform)));
      const auto distance = platform ? platform_distance(*platform, platform_) : kWithoutPlatform;
      if (distance) candidates.push_back({*distance, i});
    }
    std::ranges::sort(candidates);
    return candidates;
  }

  // Returns the platform of the entry or of its config, nullopt if neither states one.
  std::optional<Platform> platform_of(const Descriptor& entry) {
    if (!is_without_platform(entry)) return entry.platform;
    if (document_kind(entry.media_type) != DocumentKind::manifest || ++configs_ > kMaxConfigs)
      return std::nullopt;
    return platform_in_config(graph_, entry, context_);
  }

  // Returns `entry` unless manifest is an artifact or absent.
  Result<std::optional<Descriptor>> check_image(const Descriptor& entry) {
    if (++images_ > kMaxImages)
      return fail(Errc::invalid_image, entry.digest.str() + ": too many candidates");
    const auto manifest = graph_.manifest(entry, context_);
    if (!manifest && manifest.error().code() == Errc::cancelled) return fail(Error(manifest.error()));
    // Its reader reports the error.
    if (!manifest && manifest.error().code() != Errc::not_found) return entry;
    if (!manifest) absent_.push_back(entry.digest.str());
    if (!manifest || !(*manifest)->is_image()) return std::nullopt;
    return entry;
  }

  static constexpr std::size_t kMaxPlatforms = 100;
  const LayoutGraph& graph_;
  const Platform& platform_;
  const Context& context_;
  std::set<Digest> visited_;
  std::size_t indexes_ = 0, configs_ = 0, images_ = 0;  // number of documents read
  std::vector<std::string> platforms_;                  // of the images, if known
  std::vector<std::string> absent_;                     // digests of images that would match
};

}  // namespace

std::optional<Platform> platform_in_config(const LayoutGraph& graph, const Descriptor& image,
                                           const Context& context) {
  const auto manifest = graph.manifest(image, context);
  if (!manifest || !is_config_type((*manifest)->config.media_type)) return std::nullopt;
  const auto config = graph.config((*manifest)->config, context);
  if (!config || (*config)->platform.os.empty() || (*config)->platform.architecture.empty())
    return std::nullopt;
  return (*config)->platform;
}

Result<Descriptor> resolve_platform(const LayoutReader& reader, Descriptor descriptor,
                                    const Platform& platform, const Context& context) {
  return resolve_platform(LayoutGraph(reader), std::move(descriptor), platform, context);
}

Result<Descriptor> find_image(const LayoutReader& reader, std::string_view reference,
                              const Platform& platform, const Context& context) {
  auto found = find_reference(reader, reference, platform, context);
  if (!found) return found;
  return resolve_platform(reader, *std::move(found), platform, context);
}

Result<Descriptor> resolve_platform(const LayoutGraph& graph, Descriptor descriptor, const Platform& platform,
                                    const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (descriptor.media_type.empty()) {
    auto known = with_media_type(graph.reader(), std::move(descriptor));
    if (!known) return known;
    descriptor = std::move(*known);
  }
  if (document_kind(descriptor.media_type) == DocumentKind::other)
    return fail(Errc::unsupported, descriptor.digest.str() + ": media type '" + descriptor.media_type +
                                       "' is neither a manifest's nor an index's");
  const std::string name = descriptor.digest.str();
  PlatformSearch search(graph, platform, context);
  auto found = search.search(std::move(descriptor), 0);
  if (!found) return fail(std::move(found).error());
  if (*found) return **std::move(found);
  const std::string reason = search.reason();
  return fail(Errc::not_found,
              name + ": no image for " + to_string(platform) + (reason.empty() ? "" : "; " + reason));
}

}  // namespace layoutfs
