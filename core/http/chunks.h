// Chunks of a blob, requested together and delivered in order, e.g. by an HTTP range request (RFC 9110,
// section 14).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The length of a chunk that extends to the end of the blob. Only for the last one of a request.
inline constexpr std::uint64_t kToEnd = std::numeric_limits<std::uint64_t>::max();

struct BlobChunk {
  std::uint64_t offset = 0;  // bytes from the start of the blob
  std::uint64_t length = 0;  // bytes, or kToEnd
  friend bool operator==(const BlobChunk&, const BlobChunk&) = default;
};

// Errc::bad_partial_request if a request is invalid: no chunks, an empty chunk, a chunk that starts before
// the end of the preceding one, a chunk that ends beyond the largest offset, a chunk after one that extends
// to the end, or, if the size of the blob is known, a chunk beyond its end.
Status validate_chunks(std::span<const BlobChunk> chunks, std::optional<std::uint64_t> blob_size = {});

// The chunks of one request in order. For one thread at a time.
class ChunkStream {
 public:
  virtual ~ChunkStream() = default;
  // Returns the next chunk's bytes, in the order of the request; null after the last chunk. The source
  // belongs to the stream and is valid until the next call, which skips its remaining bytes. Errors are
  // final: the first error of next() or of a source's read() is returned by all later calls.
  // Errc::unexpected_eof if the chunks end early. Errc::corrupt if the response violates its format or does
  // not match the request.
  virtual Result<ByteSource*> next() = 0;
};

// Checks an untrusted stream against its request: the number of chunks and the length of each must match
// (Errc::unexpected_eof if it is shorter, Errc::corrupt if it is longer). A chunk that extends to the end may
// have any length.
std::unique_ptr<ChunkStream> checked_chunks(std::unique_ptr<ChunkStream> stream,
                                            std::vector<BlobChunk> chunks);

}  // namespace layoutfs
