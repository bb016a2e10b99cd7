// A stream that is not compressed: every byte is a place to start from.
#pragma once

#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// As start_indexing and resume of codec.h. A point stands after every `spacing` bytes and has no state.
std::unique_ptr<IndexingDecoder> start_indexing_plain(ByteSource& source, std::uint64_t spacing);
Result<std::unique_ptr<Decoder>> resume_plain(BlobPtr blob, std::uint64_t position, ByteView state);

}  // namespace layoutfs
