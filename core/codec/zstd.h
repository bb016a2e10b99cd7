// Random access into zstd blobs (RFC 8878): at frame starts, and at block boundaries inside a frame.
#pragma once

#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Windows over 128 MiB are refused with Errc::unsupported, and so are frames that need a dictionary. Inside a
// frame points are as far apart as they must be to stay cheap, `spacing` or more.
std::unique_ptr<IndexingDecoder> start_indexing_zstd(ByteSource& source, std::uint64_t spacing);

// Errc::corrupt if start_indexing_zstd did not make `state`, or `position` is not a byte of the blob.
Result<std::unique_ptr<Decoder>> resume_zstd(BlobPtr blob, std::uint64_t position, ByteView state);

}  // namespace layoutfs
