// Chooses how many cores decode a blob during its index pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/codec/codec.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// A pass on one core is faster if fewer cores than this are available to it, because decoding a gzip blob on
// several takes twice the time in all.
inline constexpr std::size_t kLeastCoresToShare = 4;
// Smaller blobs are decoded before the threads have found their first blocks.
inline constexpr std::uint64_t kLeastSharedBlob = std::uint64_t{8} << 20;

// Like start_indexing of codec.h for a blob of `blob_size` bytes; reads the source in the caller's thread as
// well. The cores (0: physical_cores(), because a second hardware thread of a core adds too little) are
// shared equally by all such passes of the process that run at the same time; the share is asked for again
// before each piece of about a megabyte. A gzip blob of kLeastSharedBlob or more is decoded by several
// threads while the share is kLeastCoresToShare or more.
std::unique_ptr<IndexingDecoder> start_indexing_on(std::size_t cores, Compression compression,
                                                   ByteSource& source, std::uint64_t spacing,
                                                   std::uint64_t blob_size);

}  // namespace layoutfs
