// How a blob is compressed, by its first bytes.
#pragma once

#include "core/base/error.h"
#include "core/cas/blob.h"
#include "core/transfer/blob_info.h"

namespace layoutfs {

// `info` as it is where `blob`, the same layer in another compression, takes its place: its digest, its size,
// and how it differs (RFC 1952, RFC 8878; what begins in no such way is taken for uncompressed).
Result<BlobInfo> substituted(BlobInfo info, const Digest& digest, const Blob& blob);

}  // namespace layoutfs
