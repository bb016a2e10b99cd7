// EROFS metadata in the cache directory.
#pragma once

#include <memory>

#include "core/base/file.h"
#include "core/cache/index_cache.h"
#include "core/erofs/erofs_image.h"
#include "core/image/image_tree.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct StoredErofs {
  std::shared_ptr<const ErofsImage> image;
  // The file of which `image` is a mapping, open for reading. It begins with the metadata. Empty if the
  // metadata is only in memory.
  UniqueFd file;
};

// Of a layer, only ErofsPlacement::appended is stored.
CacheKind cache_kind_of(ErofsForm form);

// Opens the file of the cache, with all checks. Errc::not_found if there is none. Other errors if the file is
// unusable and would be made again.
Result<StoredErofs> open_cached_erofs(const IndexCache& cache, const Digest& manifest, ErofsForm form);

// Opens the file of the cache, or makes and stores it. `tree` is that of `manifest`. Errors of make_erofs(),
// and with IndexCache::Keeping::required those of writing.
Result<StoredErofs> open_erofs(IndexCache& cache, const ImageTree& tree, const Digest& manifest,
                               ErofsForm form);

}  // namespace layoutfs
