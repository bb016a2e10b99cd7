// Chunks of a blob, asked for in one request and delivered in order, e.g. as the answer to an HTTP range
// request (RFC 9110, section 14).
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

// The length of a chunk that goes to the end of the blob; the last one of a request only.
inline constexpr std::uint64_t kToEnd = std::numeric_limits<std::uint64_t>::max();

struct BlobChunk {
  std::uint64_t offset = 0;  // bytes from the start of the blob
  std::uint64_t length = 0;  // bytes, or kToEnd
  friend bool operator==(const BlobChunk&, const BlobChunk&) = default;
};

// Errc::bad_partial_request if a source must not be asked for these: none at all, one without a byte, one
// that begins before the end of the one in front of it, one that ends behind the largest offset there is, one
// behind a chunk that goes to the end; where the blob's size is known, also one that ends, or begins, behind
// it.
Status validate_chunks(std::span<const BlobChunk> chunks, std::optional<std::uint64_t> blob_size = {});

// The chunks of one request, one after the other. For one thread at a time.
class ChunkStream {
 public:
  virtual ~ChunkStream() = default;
  // The next chunk's bytes, in the order of the request; null once all were delivered, then always. The
  // source belongs to the stream and is good until the next call, which skips the rest of it.
  // Its read() fails as well. There is one error at most, which ends the stream: every later call has it
  // again. Errc::unexpected_eof: the chunks, or one of them, end early. Errc::corrupt: the answer breaks its
  // format, or is not the answer to this request.
  virtual Result<ByteSource*> next() = 0;
};

// Checks an untrusted stream against the request that it answers: every chunk has exactly its bytes, and
// there is one for each, no fewer (Errc::unexpected_eof) and no more (Errc::corrupt). A chunk that goes to
// the end may have any number of bytes.
std::unique_ptr<ChunkStream> checked_chunks(std::unique_ptr<ChunkStream> stream,
                                            std::vector<BlobChunk> chunks);

}  // namespace layoutfs
