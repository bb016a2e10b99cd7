// The digest of a layer's uncompressed content.
#pragma once

#include "core/cache/index_cache.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the digest (with `algorithm`) of the complete uncompressed content of `layer`: from its index if
// that is in `cache`, otherwise by decoding the blob, which is verified at the same time. Errc::not_found,
// Errc::corrupt, Errc::cancelled.
Result<Digest> uncompressed_digest(const Provider& provider, const Digest& layer, Algorithm algorithm,
                                   const IndexCache& cache, const Context& context);

}  // namespace layoutfs
