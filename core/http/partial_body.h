// The bodies that answer a range request, as chunks: the whole blob (status 200) or parts of it (status 206;
// RFC 9110, sections 14.6 and 15.3.7).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/http/chunks.h"

namespace layoutfs {

// Of a body that is the whole blob (HTTP 200), which is read in order, no further than the last chunk goes.
// Errc::bad_partial_request as validate_chunks gives it.
Result<std::unique_ptr<ChunkStream>> split_full_body(std::unique_ptr<ByteSource> body,
                                                     std::vector<BlobChunk> chunks);

// The header fields of an answer with the status 206, empty if it does not have them.
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

}  // namespace layoutfs
