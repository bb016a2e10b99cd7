// By which digests a config may know a layer's content.
#pragma once

#include <vector>

#include "layoutfs/digest.h"

namespace layoutfs {

// `stream` has seen the whole uncompressed layer. Its own digest, which is what a diffID is (image-spec
// config.md, "Layer DiffID"), and then those of the same tar with one to twenty more blocks of zeros. For
// writers of zstd:chunked keep two of the blocks of zeros that end a tar, whereas the config goes on naming
// the tar as it was, which tar(1) fills up to a record of twenty blocks. Entries and contents are the same.
std::vector<Digest> diff_ids_of(Hasher stream);

}  // namespace layoutfs
