// Chunks of blobs, from a source with range requests or from an open blob.
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

// Provides ranges of blobs. Thread-safe unless documented otherwise.
class BlobChunkAccessor {
 public:
  virtual ~BlobChunkAccessor() = default;
  // The accessor must outlive the stream. The request is validated first (validate_chunks, with the size if
  // `info` has one): Errc::bad_partial_request if it is invalid, or if a server refuses it; fewer chunks may
  // succeed. Errc::unsupported if the source has no ranges.
  virtual Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info,
                                                           std::span<const BlobChunk> chunks,
                                                           const Context& context = {}) = 0;
};

// Returns the chunks of `blob`, each read by offset. Errc::unexpected_eof if the blob ends inside a chunk.
// Errc::bad_partial_request as in validate_chunks, without a size, so that a blob shorter than announced
// fails in its chunk.
Result<std::unique_ptr<ChunkStream>> chunks_of(BlobPtr blob, std::vector<BlobChunk> chunks);

}  // namespace layoutfs
