// The digest of a layer's uncompressed content.
#pragma once

#include "core/cache/index_cache.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The digest (of the algorithm `algorithm`) of what `layer` holds when it is uncompressed, to the last byte:
// by its index if that is in `cache`, else by decoding the blob, whose content is verified meanwhile.
// Errc::not_found, Errc::corrupt, Errc::cancelled.
Result<Digest> uncompressed_digest(const Provider& provider, const Digest& layer, Algorithm algorithm,
                                   const IndexCache& cache, const Context& context);

}  // namespace layoutfs
