// Opens indexes and trees of the cache directory, with all checks.
#pragma once

#include <cstdint>
#include <memory>

#include "core/cache/index_cache.h"
#include "core/image/image_tree.h"
#include "layoutfs/descriptor.h"

namespace layoutfs {

template <class Tables>
struct CachedTables {
  std::shared_ptr<const Tables> tables;
  SharedBytes file;
};

// Errc::not_found if there is none. Other errors if the file is unusable and would be rebuilt. If opened by a
// descriptor, the size of the blob must match, too.
Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Digest& blob);
Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Descriptor& layer);
Result<CachedTables<ImageTree>> open_cached_tree(const IndexCache& cache, CacheKind kind,
                                                 const Digest& digest, std::size_t layer_count);

}  // namespace layoutfs
