// Indexes and trees of the cache directory, opened with all checks.
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

// Errc::not_found if there is none. Any other error: the file would not be used, but built anew.
// By a descriptor, it must also be of a blob of that size.
Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Digest& blob);
Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Descriptor& layer);
Result<CachedTables<ImageTree>> open_cached_tree(const IndexCache& cache, CacheKind kind,
                                                 const Digest& digest, std::size_t layer_count);

}  // namespace layoutfs
