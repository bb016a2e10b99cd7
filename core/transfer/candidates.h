// Sorts the known locations of a blob by preference.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/transfer/blob_info_cache.h"
#include "layoutfs/digest.h"

namespace layoutfs {

struct KnownLocation {
  BlobInfoCache::Candidate candidate;
  std::int64_t seen;  // time of the last record; any clock
};

// Returns at most `limit` locations: those of `primary`, then others, then those of `uncompressed`, which may
// be empty or equal to `primary`; in each group the newest first, then by digest and location.
std::vector<BlobInfoCache::Candidate> best_candidates(std::vector<KnownLocation> locations,
                                                      const Digest& primary, const Digest& uncompressed,
                                                      std::size_t limit);

}  // namespace layoutfs
