#include "core/transfer/candidates.h"

#include <algorithm>
#include <tuple>

namespace layoutfs {

std::vector<BlobInfoCache::Candidate> best_candidates(std::vector<KnownLocation> locations,
                                                      const Digest& primary, const Digest& uncompressed,
                                                      std::size_t limit) {
  const auto group = [&](const KnownLocation& location) {
    const Digest& digest = location.candidate.digest;
    return digest == primary ? 0 : digest == uncompressed ? 2 : 1;
  };
  const auto is_better = [&](const KnownLocation& a, const KnownLocation& b) {
    if (group(a) != group(b)) return group(a) < group(b);
    if (a.seen != b.seen) return a.seen > b.seen;
    return std::tie(a.candidate.digest, a.candidate.location) <
           std::tie(b.candidate.digest, b.candidate.location);
  };
  std::ranges::sort(locations, is_better);
  if (locations.size() > limit)
    locations.erase(locations.begin() + static_cast<std::ptrdiff_t>(limit), locations.end());
  std::vector<BlobInfoCache::Candidate> best;
  for (KnownLocation& location : locations) best.push_back(std::move(location.candidate));
  return best;
}

}  // namespace layoutfs
