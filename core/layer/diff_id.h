// The digests that a config may use for a layer's content.
#pragma once

#include <vector>

#include "layoutfs/digest.h"

namespace layoutfs {

// `stream` has hashed the whole uncompressed layer. Returns its digest, which is the diffID (image-spec
// config.md, "Layer DiffID"), followed by those of the same tar with one to twenty more blocks of zeros:
// writers of zstd:chunked keep only two of the final blocks of zeros, but the config still names the original
// tar, which tar(1) pads to a record of twenty blocks. Entries and contents are equal.
std::vector<Digest> diff_ids_of(Hasher stream);

}  // namespace layoutfs
