// The cache for blobs of registries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/chunk_requests.h"
#include "core/remote/range_directory.h"
#include "core/remote/range_source.h"
#include "core/remote/remote_blob.h"
#include "core/remote/remote_stats.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The directory is shared by all processes. The requests of all blobs of a cache share the slots of one host.
// Blobs may outlive the cache.
// Thread-safe.
class RangeCache {
 public:
  static constexpr std::uint64_t kDefaultBudget = std::uint64_t{10} << 30;

  // `directory` is a cache directory (cache_directory.h), created with the first file; if it is empty, or if
  // the budget is 0, blobs are cached only in memory, a few MiB of each. `budget` is a limit in bytes for the
  // files; the least recently used ones are removed. A blob above the budget is never complete. With
  // Keeping::none, files are only read.
  using Keeping = RangeDirectory::Keeping;
  explicit RangeCache(std::string directory, std::uint64_t budget = kDefaultBudget,
                      RequestOptions options = {}, Keeping keeping = Keeping::arriving);

  // Returns the blob; bytes that are not in the cache are fetched from `source`, by all users of the blob
  // from now on. All users of this cache share one object, which keeps the source: that must not own the
  // cache. Cost: opens up to two files. Errc::digest_invalid if the digest is empty.
  Result<std::shared_ptr<const RemoteBlob>> open(const Descriptor& blob,
                                                 std::shared_ptr<const RangeSource> source);

  // Returns the sums of all blobs that were opened.
  RemoteStats stats() const;
  // Returns the numbers of each blob that was opened.
  std::vector<std::pair<Digest, RemoteStats>> blob_stats() const;

 private:
  // Blobs that nobody uses stay open for a while: their running requests go on, and so do sequential readers.
  static constexpr std::size_t kMostRecent = 16;
  struct Known {
    std::weak_ptr<RemoteBlob> blob;
    std::shared_ptr<RemoteBlobStats> stats;
  };
  struct State {
    std::map<Digest, Known> known;
    std::deque<std::shared_ptr<RemoteBlob>> recent;  // oldest first
  };

  const std::shared_ptr<RangeDirectory> directory_;
  const RequestOptions options_;
  const std::shared_ptr<RequestSlots> slots_ = std::make_shared<RequestSlots>();
  mutable Guarded<State> state_;
};

}  // namespace layoutfs
