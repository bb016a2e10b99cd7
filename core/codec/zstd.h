// Random access into zstd blobs (RFC 8878): at frame starts, and at block boundaries inside a frame.
#pragma once

#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Errc::unsupported if a window exceeds 128 MiB, or if a frame needs a dictionary. Inside a frame, points
// are chosen among the boundaries near each multiple of a distance that suits its window, or of `spacing` if
// that is larger; they are found by IndexingDecoder::Step::search.
std::unique_ptr<IndexingDecoder> start_indexing_zstd(ByteSource& source, std::uint64_t spacing);

// Errc::corrupt if `state` is not from start_indexing_zstd, or `position` is not a byte of the blob.
Result<std::unique_ptr<Decoder>> resume_zstd(BlobPtr blob, std::uint64_t position, ByteView state,
                                             std::unique_ptr<Decoder> ended = nullptr);

}  // namespace layoutfs
