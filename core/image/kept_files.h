// The files that the index cache keeps of layers and images, opened with all checks.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/cache/index_cache.h"
#include "core/cas/descriptor.h"
#include "core/image/image_tree.h"

namespace layoutfs {

// The kinds of files: of a layer its index, and its tree where it is looked at alone; of a manifest its tree.
inline constexpr std::string_view kLayerIndexes = "layers";
inline constexpr std::string_view kLayerTrees = "layer-trees";
inline constexpr std::string_view kImageTrees = "images";

template <class Tables>
struct Kept {
  std::shared_ptr<const Tables> tables;
  SharedBytes file;
};

// Errc::not_found where there is none. Any other error: what there is would not be used, but built anew.
Result<Kept<LayerIndex>> open_kept_index(const IndexCache& cache, const Descriptor& layer);
Result<Kept<ImageTree>> open_kept_tree(const IndexCache& cache, std::string_view kind, const Digest& digest,
                                       std::size_t layer_count);

}  // namespace layoutfs
