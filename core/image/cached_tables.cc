#include "core/image/cached_tables.h"

#include <string>
#include <utility>

namespace layoutfs {

Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Digest& blob) {
  auto file = cache.load(CacheKind::layer_index, blob);
  if (!file) return fail(std::move(file).error());
  auto index = LayerIndex::open(*file, blob);
  if (!index) return fail(std::move(index).error());
  return CachedTables<LayerIndex>{std::move(*index), std::move(*file)};
}

Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Descriptor& layer) {
  auto index = open_cached_index(cache, layer.digest);
  if (index && index->tables->blob_size() != layer.size)
    return fail(Errc::corrupt, "index file: blob has " + std::to_string(index->tables->blob_size()) +
                                   " bytes, the descriptor says " + std::to_string(layer.size));
  return index;
}

Result<CachedTables<ImageTree>> open_cached_tree(const IndexCache& cache, CacheKind kind,
                                                 const Digest& digest, std::size_t layer_count) {
  auto file = cache.load(kind, digest);
  if (!file) return fail(std::move(file).error());
  auto tree = ImageTree::open(*file, digest);
  if (!tree) return fail(std::move(tree).error());
  if ((*tree)->layer_count() != layer_count) return fail(Errc::corrupt, "index file: layer count mismatch");
  return CachedTables<ImageTree>{std::move(*tree), std::move(*file)};
}

}  // namespace layoutfs
