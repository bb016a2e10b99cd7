// Facts about blobs, learned during copies: blobs that are the same layer in another compression, and their
// known locations.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/digest.h"

namespace layoutfs {

// Never fails: it only gives hints, and may forget. Thread-safe.
class BlobInfoCache {
 public:
  struct Candidate {
    Digest digest;
    std::string location;
    friend bool operator==(const Candidate&, const Candidate&) = default;
  };
  // Of candidate_locations().
  static constexpr std::size_t kMaxCandidates = 5;

  virtual ~BlobInfoCache() = default;

  // Returns the digest of `any`'s uncompressed content: the recorded one, or `any` itself if it was recorded
  // as uncompressed. Empty if unknown.
  virtual Digest uncompressed_digest(const Digest& any) = 0;
  // Records that `uncompressed` is the digest of the uncompressed content of `any`; they may be equal. Only
  // for verified facts, because others rely on them. Replaces an earlier record.
  virtual void record_digest_uncompressed_pair(const Digest& any, const Digest& uncompressed) = 0;

  // Records that `digest` is at `location` now. Locations are valid within a `transport` (a kind of store)
  // and a `scope` (the part of it in which blobs can be reused).
  virtual void record_known_location(std::string_view transport, std::string_view scope, const Digest& digest,
                                     std::string_view location) = 0;
  // Returns locations of `digest`, at most kMaxCandidates, the best first: those of `digest`, newest first.
  // If substitutes are allowed, followed by those of other blobs with the same uncompressed content, newest
  // first, then by digest, and by those of the uncompressed content itself, newest first.
  virtual std::vector<Candidate> candidate_locations(std::string_view transport, std::string_view scope,
                                                     const Digest& digest, bool can_substitute) = 0;
};

// Returns a cache in memory with at most `limit` pairs and `limit` locations (at least 1); the oldest records
// are dropped.
std::unique_ptr<BlobInfoCache> memory_cache(std::size_t limit = std::size_t{1} << 16);
// Returns a cache that stores nothing.
std::unique_ptr<BlobInfoCache> no_cache();

}  // namespace layoutfs
