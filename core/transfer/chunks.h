// IoBuffers of a blob, asked for in one request and delivered in order: from a blob that lies here, or as the
// answer to an HTTP range request (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/context.h"
#include "core/base/error.h"
#include "core/cas/blob.h"
#include "core/transfer/blob_info.h"

namespace layoutfs {

// The length of a chunk that goes to the end of the blob; the last one of a request only.
inline constexpr std::uint64_t kToEnd = std::numeric_limits<std::uint64_t>::max();

struct BlobChunk {
  std::uint64_t offset = 0;  // bytes from the start of the blob
  std::uint64_t length = 0;  // bytes, or kToEnd
  friend bool operator==(const BlobChunk&, const BlobChunk&) = default;
};

// Errc::bad_partial_request where a source must not be asked for these: none at all, one without a byte, one
// that begins before the end of the one in front of it, one that ends behind the largest offset there is, one
// behind a chunk that goes to the end; where the blob's size is known, also one that ends, or begins, behind
// it.
Status validate_chunks(std::span<const BlobChunk> chunks, std::optional<std::uint64_t> blob_size = {});

// The chunks of one request, one after the other. For one thread at a time.
class ChunkStream {
 public:
  virtual ~ChunkStream() = default;
  // The next chunk's bytes, in the order of the request; null once all were delivered, then always. The
  // source belongs to the stream and is good until the next call, which passes over what was not read of it.
  // Its read() fails as well. There is one error at most, which ends the stream: every later call has it
  // again. Errc::unexpected_eof: the chunks, or one of them, end early. Errc::corrupt: the answer breaks its
  // format, or is not what was asked for.
  virtual Result<ByteSource*> next() = 0;
};

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

// Of a body that is the whole blob (HTTP 200), which is read in order, no further than the last chunk goes.
// Errc::bad_partial_request as validate_chunks gives it.
Result<std::unique_ptr<ChunkStream>> split_full_body(std::unique_ptr<ByteSource> body,
                                                     std::vector<BlobChunk> chunks);

// The fields of an answer with the status 206, empty where it does not have them.
struct PartialResponse {
  std::string_view content_type;
  std::string_view content_range;
};
// Of a body that is a part of the blob, or several as `multipart/byteranges` (HTTP 206; RFC 9110, section
// 14.6; RFC 2046, section 5.1), each as it arrives. The parts must be the chunks, one for one and in their
// order, by their Content-Range; a body that is no multipart is taken only for a single chunk. What a server
// may do otherwise, as to join ranges that lie close together, is Errc::corrupt here: it was not asked for.
// Errc::bad_partial_request as validate_chunks gives it; Errc::corrupt for fields that are none.
Result<std::unique_ptr<ChunkStream>> split_partial_body(std::unique_ptr<ByteSource> body,
                                                        const PartialResponse& response,
                                                        std::vector<BlobChunk> chunks);

// What another stream delivers, held against the request that it is the answer to, for who does not trust it:
// every chunk has exactly its bytes, and there is one for each, no fewer (Errc::unexpected_eof) and no more
// (Errc::corrupt). A chunk that goes to the end may have any number of them.
std::unique_ptr<ChunkStream> checked_chunks(std::unique_ptr<ChunkStream> stream,
                                            std::vector<BlobChunk> chunks);

}  // namespace layoutfs
