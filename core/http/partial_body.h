// The bodies of responses to a range request, as chunks: the whole blob (status 200) or parts of it (status
// 206; RFC 9110, sections 14.6 and 15.3.7).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/http/chunks.h"

namespace layoutfs {

// Returns the chunks of a body that is the whole blob (HTTP 200). Reads it in order up to the end of the last
// chunk. Errc::bad_partial_request as in validate_chunks.
Result<std::unique_ptr<ChunkStream>> split_full_body(std::unique_ptr<ByteSource> body,
                                                     std::vector<BlobChunk> chunks);

// The header fields of a response with status 206; empty if they are absent.
struct PartialResponse {
  std::string_view content_type;
  std::string_view content_range;
};
// Returns the chunks of a body that is one range of the blob, or several as `multipart/byteranges` (HTTP 206;
// RFC 9110, section 14.6; RFC 2046, section 5.1), as they arrive. The Content-Range of each part must match
// the chunk at its position. A body that is not multipart must be a single chunk. Other responses that a
// server may send, such as joined ranges, are Errc::corrupt. Errc::bad_partial_request as in validate_chunks.
// Errc::corrupt if a header field is malformed.
Result<std::unique_ptr<ChunkStream>> split_partial_body(std::unique_ptr<ByteSource> body,
                                                        const PartialResponse& response,
                                                        std::vector<BlobChunk> chunks);

}  // namespace layoutfs
