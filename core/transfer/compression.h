// A blob that replaces another one.
#pragma once

#include "core/transfer/blob_info.h"
#include "layoutfs/blob.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns `info` for its substitute `blob`, the same layer in another compression: with its digest, its size
// and, from its first bytes, its compression. Returns `info` unchanged if it is the same blob.
Result<BlobInfo> substituted(BlobInfo info, const Digest& digest, const Blob& blob);

}  // namespace layoutfs
