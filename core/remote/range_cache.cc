// The cache for blobs of registries.
#include "core/remote/range_cache.h"

#include <algorithm>
#include <utility>

namespace layoutfs {

RangeCache::RangeCache(std::string directory, std::uint64_t budget, RequestOptions options, Keeping keeping)
    : directory_(std::make_shared<RangeDirectory>(std::move(directory), budget, keeping)),
      options_(options) {}

Result<std::shared_ptr<const RemoteBlob>> RangeCache::open(const Descriptor& blob,
                                                           std::shared_ptr<const RangeSource> source) {
  if (blob.digest.empty()) return fail(Errc::digest_invalid, "empty digest");
  std::shared_ptr<RemoteBlob>
      leaving;  // destroyed after the lock is released: its requests may take time to end
  auto state = state_.lock();
  Known& known = state->known[blob.digest];
  auto opened = known.blob.lock();
  if (!opened || opened->size() != blob.size) {
    if (!known.stats) known.stats = std::make_shared<RemoteBlobStats>();
    opened = std::make_shared<RemoteBlob>(directory_, blob.digest, blob.size, known.stats, options_, slots_);
    known.blob = opened;
  }
  opened->set_source(std::move(source));
  std::erase(state->recent, opened);
  state->recent.push_back(opened);
  if (state->recent.size() > kMostRecent) {
    leaving = std::move(state->recent.front());
    state->recent.pop_front();
  }
  return opened;
}

RemoteStats RangeCache::stats() const {
  RemoteStats sum;
  for (const auto& [digest, stats] : blob_stats()) {
    sum.fetched += stats.fetched;
    sum.requests += stats.requests;
    sum.cached += stats.cached;
  }
  return sum;
}

std::vector<std::pair<Digest, RemoteStats>> RangeCache::blob_stats() const {
  std::vector<std::pair<Digest, RemoteStats>> result;
  auto state = state_.lock();
  for (const auto& [digest, known] : state->known) result.emplace_back(digest, known.stats->now());
  return result;
}

}  // namespace layoutfs
