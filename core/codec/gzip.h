// gzip (RFC 1952) with access points at deflate block boundaries (RFC 1951) and at the starts of members.
#pragma once

#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "core/codec/deflate.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Like start_indexing and resume of codec.h. The index pass checks the headers and trailers of all members. A
// resumed decoder does not compute CRCs, because its bytes are checked by the digests of their spans.
std::unique_ptr<IndexingDecoder> start_indexing_gzip(ByteSource& source, std::uint64_t spacing);
Result<std::unique_ptr<Decoder>> resume_gzip(BlobPtr blob, std::uint64_t position, ByteView state,
                                             std::unique_ptr<Decoder> ended = nullptr);

// The same with a given library. Each library finds other points, but can resume at all of them.
std::unique_ptr<IndexingDecoder> start_indexing_gzip_by(DeflateLibrary library, ByteSource& source,
                                                        std::uint64_t spacing);
Result<std::unique_ptr<Decoder>> resume_gzip_by(DeflateLibrary library, BlobPtr blob, std::uint64_t position,
                                                ByteView state);

}  // namespace layoutfs
