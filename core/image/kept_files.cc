#include "core/image/kept_files.h"

#include <string>
#include <utility>

namespace layoutfs {

Result<Kept<LayerIndex>> open_kept_index(const IndexCache& cache, const Descriptor& layer) {
  auto file = cache.load(kLayerIndexes, layer.digest);
  if (!file) return fail(std::move(file).error());
  auto index = LayerIndex::open(*file, layer.digest);
  if (!index) return fail(std::move(index).error());
  if ((*index)->blob_size() != layer.size)
    return fail(Errc::corrupt, "index file: it is of a blob of " + std::to_string((*index)->blob_size()) +
                                   " bytes, the descriptor says " + std::to_string(layer.size));
  return Kept<LayerIndex>{std::move(*index), std::move(*file)};
}

Result<Kept<ImageTree>> open_kept_tree(const IndexCache& cache, std::string_view kind, const Digest& digest,
                                       std::size_t layer_count) {
  auto file = cache.load(kind, digest);
  if (!file) return fail(std::move(file).error());
  auto tree = ImageTree::open(*file, digest);
  if (!tree) return fail(std::move(tree).error());
  if ((*tree)->layer_count() != layer_count)
    return fail(Errc::corrupt, "index file: it is of another number of layers");
  return Kept<ImageTree>{std::move(*tree), std::move(*file)};
}

}  // namespace layoutfs
