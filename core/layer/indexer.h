// The single pass over a layer's blob.
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
  std::size_t cores = 0;      // to decode on; 0: those of this machine
  // Called from time to time by the indexing thread, with the bytes of the blob read so far.
  std::function<void(std::uint64_t bytes_read)> progress;
  Context context = {};
};

// Reads `blob` once and returns the content of its index file. Cost: decodes the blob, on the calling thread
// or on several (start_indexing_on), and hashes it in parallel. Reads it again if it does not match `digest`
// and Blob::distrust() says that this may help; the progress starts again, too. Errc::corrupt if the blob
// does not match `digest`, which takes precedence, or if its stream or tar is invalid. Errc::cancelled if
// `progress` or the context ends it.
Result<Bytes> index_layer(BlobPtr blob, const Digest& digest, const IndexingOptions& options = {});

}  // namespace layoutfs
