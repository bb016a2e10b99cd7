// The one pass over a layer's blob.
#pragma once

#include <cstdint>
#include <functional>

#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct IndexingOptions {
  std::uint64_t spacing = 0;  // bytes between access points; 0: kPointSpacing
  // Called now and then with the bytes of the blob that were read so far, in the thread that builds.
  std::function<void(std::uint64_t bytes_read)> progress;
  Context context = {};
};

// Reads `blob` once and returns the content of its index file. The blob's digest is checked: Errc::corrupt
// where it is not `digest`, whatever the stream looks like. Errc::corrupt too for a broken stream or tar;
// Errc::cancelled.
Result<Bytes> index_layer(BlobPtr blob, const Digest& digest, const IndexingOptions& options = {});

}  // namespace layoutfs
