// An uncompressed stream: decoding can start at any byte.
#pragma once

#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Like start_indexing and resume of codec.h. There is a point without a state every `spacing` bytes.
std::unique_ptr<IndexingDecoder> start_indexing_plain(ByteSource& source, std::uint64_t spacing);
Result<std::unique_ptr<Decoder>> resume_plain(BlobPtr blob, std::uint64_t position, ByteView state,
                                              std::unique_ptr<Decoder> ended = nullptr);

}  // namespace layoutfs
