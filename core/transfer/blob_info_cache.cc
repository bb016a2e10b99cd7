#include "core/transfer/blob_info_cache.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "core/base/guarded.h"
#include "core/transfer/candidates.h"

namespace layoutfs {
namespace {

// A map of at most so many keys, which forgets the one that was set longest ago.
template <class Key, class Value>
class RecentMap {
 public:
  struct Entry {
    Value value;
    std::int64_t set;  // when, in calls of set()
  };

  // Sets `key`, and gives the one that had to go for it.
  std::optional<std::pair<Key, Entry>> set(const Key& key, Value value, std::size_t limit) {
    const auto [place, is_new] = entries_.try_emplace(key);
    if (!is_new) by_age_.erase(place->second.set);
    place->second = {std::move(value), ++clock_};
    by_age_.emplace(clock_, place);
    if (entries_.size() <= limit) return std::nullopt;
    const auto oldest = by_age_.begin()->second;
    std::pair<Key, Entry> gone = *oldest;
    by_age_.erase(by_age_.begin());
    entries_.erase(oldest);
    return gone;
  }
  const std::map<Key, Entry>& entries() const { return entries_; }

 private:
  std::map<Key, Entry> entries_;
  std::map<std::int64_t, typename std::map<Key, Entry>::iterator> by_age_;
  std::int64_t clock_ = 0;
};

struct LocationKey {
  std::string transport, scope;
  Digest digest;
  std::string location;
  friend auto operator<=>(const LocationKey&, const LocationKey&) = default;
};

struct Known {
  RecentMap<Digest, Digest> uncompressed;       // by any digest
  std::map<Digest, std::set<Digest>> variants;  // the same by the uncompressed one, itself included
  RecentMap<LocationKey, std::monostate> locations;

  void forget_variant(const Digest& any, const Digest& of) {
    const auto found = variants.find(of);
    if (found == variants.end()) return;
    found->second.erase(any);
    if (found->second.empty()) variants.erase(found);
  }
  Digest uncompressed_of(const Digest& any) const {
    if (const auto found = uncompressed.entries().find(any); found != uncompressed.entries().end())
      return found->second.value;
    return variants.contains(any) ? any : Digest();
  }
};

class MemoryCache final : public BlobInfoCache {
 public:
  explicit MemoryCache(std::size_t limit) : limit_(std::max<std::size_t>(limit, 1)) {}

  Digest uncompressed_digest(const Digest& any) override { return known_.lock()->uncompressed_of(any); }

  void record_digest_uncompressed_pair(const Digest& any, const Digest& uncompressed) override {
    if (any.empty() || uncompressed.empty()) return;
    auto known = known_.lock();
    const auto& entries = known->uncompressed.entries();
    if (const auto before = entries.find(any); before != entries.end())
      known->forget_variant(any, before->second.value);
    known->variants[uncompressed].insert(any);
    if (const auto gone = known->uncompressed.set(any, uncompressed, limit_))
      known->forget_variant(gone->first, gone->second.value);
  }

  void record_known_location(std::string_view transport, std::string_view scope, const Digest& digest,
                             std::string_view location) override {
    if (digest.empty()) return;
    const LocationKey key{std::string(transport), std::string(scope), digest, std::string(location)};
    known_.lock()->locations.set(key, {}, limit_);
  }

  std::vector<Candidate> candidate_locations(std::string_view transport, std::string_view scope,
                                             const Digest& digest, bool can_substitute) override {
    auto known = known_.lock();
    std::set<Digest> digests{digest};
    const Digest uncompressed = can_substitute ? known->uncompressed_of(digest) : Digest();
    if (!uncompressed.empty()) {
      digests.insert(uncompressed);
      if (const auto found = known->variants.find(uncompressed); found != known->variants.end())
        digests.insert(found->second.begin(), found->second.end());
    }
    std::vector<KnownLocation> locations;
    const auto& entries = known->locations.entries();
    for (const Digest& wanted : digests) {
      LocationKey key{std::string(transport), std::string(scope), wanted, {}};
      for (auto place = entries.lower_bound(key); place != entries.end(); ++place) {
        key.location = place->first.location;
        if (place->first != key) break;
        locations.push_back({{wanted, key.location}, place->second.set});
      }
    }
    return best_candidates(std::move(locations), digest, uncompressed, kMaxCandidates);
  }

 private:
  const std::size_t limit_;
  Guarded<Known> known_;
};

class NoCache final : public BlobInfoCache {
 public:
  Digest uncompressed_digest(const Digest&) override { return {}; }
  void record_digest_uncompressed_pair(const Digest&, const Digest&) override {}
  void record_known_location(std::string_view, std::string_view, const Digest&, std::string_view) override {}
  std::vector<Candidate> candidate_locations(std::string_view, std::string_view, const Digest&,
                                             bool) override {
    return {};
  }
};

}  // namespace

std::unique_ptr<BlobInfoCache> memory_cache(std::size_t limit) {
  return std::make_unique<MemoryCache>(limit);
}
std::unique_ptr<BlobInfoCache> no_cache() { return std::make_unique<NoCache>(); }

}  // namespace layoutfs
