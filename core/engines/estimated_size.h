// The size of a layer that was not decoded yet.
#pragma once

#include <cstdint>

#include "core/base/compression.h"
#include "layoutfs/blob.h"

namespace layoutfs {

struct EstimatedSize {
  Compression compression;
  std::uint64_t diff_size;  // bytes of the uncompressed layer
};

// Returns the facts in the first and the last bytes of the blob. The size is right for a tar without
// compression, for gzip with one member of less than 4 GiB (RFC 1952, ISIZE), and for one frame of zstd with
// a content size (RFC 8878, 3.1.1.1.4). Otherwise it is a guess. Cost: two reads of some bytes. An unreadable
// blob counts as not compressed.
EstimatedSize estimated_size(const Blob& blob);

}  // namespace layoutfs
