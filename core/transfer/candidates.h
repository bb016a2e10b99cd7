// Which of the known locations of a blob to try first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/transfer/blob_info_cache.h"
#include "layoutfs/digest.h"

namespace layoutfs {

struct KnownLocation {
  BlobInfoCache::Candidate candidate;
  std::int64_t seen;  // when it was recorded last; any clock
};

// At most `limit` of them: those of `primary`, then the others, then those of `uncompressed`, which may be
// empty or the primary one; within these the newest first, those of one time by digest and location.
std::vector<BlobInfoCache::Candidate> best_candidates(std::vector<KnownLocation> locations,
                                                      const Digest& primary, const Digest& uncompressed,
                                                      std::size_t limit);

}  // namespace layoutfs
