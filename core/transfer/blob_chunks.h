// Chunks of blobs, from a source that can deliver them or from an open blob.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/http/chunks.h"
#include "core/transfer/blob_info.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Gives pieces of blobs. Thread-safe unless it says otherwise.
class BlobChunkAccessor {
 public:
  virtual ~BlobChunkAccessor() = default;
  // The accessor must outlive the stream. The request is checked before anything is read
  // (validate_chunks, with the size where `info` has one): Errc::bad_partial_request, also where the
  // source, a server, refuses this request: fewer chunks may do. Errc::unsupported where it has no pieces to
  // give.
  virtual Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info,
                                                           std::span<const BlobChunk> chunks,
                                                           const Context& context = {}) = 0;
};

// Each chunk read on its own, at its place; Errc::unexpected_eof for a chunk that the blob has not all of.
// Errc::bad_partial_request as validate_chunks gives it, without a size: a blob that is shorter than it was
// said to be is known by its chunks.
Result<std::unique_ptr<ChunkStream>> chunks_of(BlobPtr blob, std::vector<BlobChunk> chunks);

}  // namespace layoutfs
