// What was learnt of blobs while images were copied: which are the same layer in another compression, and
// where they were seen.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/digest.h"

namespace layoutfs {

// Never fails: it only advises, and may forget. Thread-safe.
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

  // The digest of `any`'s uncompressed content: what was recorded with it, or itself where it was recorded as
  // the uncompressed side of some pair. Empty where neither was.
  virtual Digest uncompressed_digest(const Digest& any) = 0;
  // That `uncompressed` names the uncompressed content of the blob `any`; the two may be the same. Only what
  // was verified here: others are going to rely on it. Once more is harmless, another one takes its place.
  virtual void record_digest_uncompressed_pair(const Digest& any, const Digest& uncompressed) = 0;

  // That `digest` is at `location`, as of now. Locations mean something within a `transport` and a `scope` of
  // it alone: a kind of store, and what blobs can be reused across in it.
  virtual void record_known_location(std::string_view transport, std::string_view scope, const Digest& digest,
                                     std::string_view location) = 0;
  // Where to look for `digest`, at most kMaxCandidates, the best first: those of `digest`, newest first.
  // Where a substitute will do, then those of other blobs that have its uncompressed content, newest first,
  // of one time by their digests; then those of the uncompressed content itself, newest first.
  virtual std::vector<Candidate> candidate_locations(std::string_view transport, std::string_view scope,
                                                     const Digest& digest, bool can_substitute) = 0;
};

// In memory, and as long as the cache. It remembers `limit` pairs and as many locations, 1 at least; beyond
// that, what was recorded longest ago goes.
std::unique_ptr<BlobInfoCache> memory_cache(std::size_t limit = std::size_t{1} << 16);
// Remembers nothing.
std::unique_ptr<BlobInfoCache> no_cache();

}  // namespace layoutfs
