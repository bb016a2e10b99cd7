#include "core/image/cached_tables.h"

#include <string>
#include <utility>

namespace layoutfs {

Result<CachedTables<LayerIndex>> open_cached_index(const IndexCache& cache, const Descriptor& layer) {
  auto file = cache.load(CacheKind::layer_index, layer.digest);
  if (!file) return fail(std::move(file).error());
  auto index = LayerIndex::open(*file, layer.digest);
  if (!index) return fail(std::move(index).error());
  if ((*index)->blob_size() != layer.size)
    return fail(Errc::corrupt, "index file: it is of a blob of " + std::to_string((*index)->blob_size()) +
                                   " bytes, the descriptor says " + std::to_string(layer.size));
  return CachedTables<LayerIndex>{std::move(*index), std::move(*file)};
}

Result<CachedTables<ImageTree>> open_cached_tree(const IndexCache& cache, CacheKind kind,
                                                 const Digest& digest, std::size_t layer_count) {
  auto file = cache.load(kind, digest);
  if (!file) return fail(std::move(file).error());
  auto tree = ImageTree::open(*file, digest);
  if (!tree) return fail(std::move(tree).error());
  if ((*tree)->layer_count() != layer_count)
    return fail(Errc::corrupt, "index file: it is of another number of layers");
  return CachedTables<ImageTree>{std::move(*tree), std::move(*file)};
}

}  // namespace layoutfs
