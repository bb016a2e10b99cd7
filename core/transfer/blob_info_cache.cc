#include "core/transfer/blob_info_cache.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/base/guarded.h"
#include "core/transfer/blob_records.h"
#include "core/transfer/candidates.h"

namespace layoutfs {
namespace {

struct Known : BlobRecords {
  std::map<Digest, std::set<Digest>> variants;  // by the uncompressed digest, including itself

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
    const LocationKey key{digest, std::string(transport), std::string(scope), std::string(location)};
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
      LocationKey key{wanted, std::string(transport), std::string(scope), {}};
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
