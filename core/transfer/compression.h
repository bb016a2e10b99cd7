// A blob that takes the place of another one.
#pragma once

#include "core/transfer/blob_info.h"
#include "layoutfs/blob.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns `info` as it is if `blob`, the same layer in another compression, takes its place: with the digest,
// the size and, by its first bytes, the compression of `blob`.
Result<BlobInfo> substituted(BlobInfo info, const Digest& digest, const Blob& blob);

}  // namespace layoutfs
