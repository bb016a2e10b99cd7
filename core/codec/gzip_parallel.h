// Decodes one gzip blob on several cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/codec/codec.h"
#include "core/codec/deflate.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

struct GzipParallelOptions {
  std::size_t threads = 2;  // beside the caller's
  // Asked before each piece is read, unless null. Without cores, the caller's thread decodes alone.
  std::function<bool()> has_cores = nullptr;
  DeflateLibrary library = best_deflate_library();
  std::size_t piece_size = std::size_t{1} << 20;  // most bytes of the blob in a chunk
  std::size_t chunk_size = std::size_t{3} << 20;  // most bytes of the stream in a chunk
};

// Like start_indexing_gzip: the same bytes and errors, and points at other blocks. Reads `source` in the
// caller's thread, a chunk or two ahead of each of the threads. Memory: piece_size + 2 * chunk_size for each
// chunk, kGzipChunkMemory in all, and half a megabyte for each thread.
std::unique_ptr<IndexingDecoder> start_indexing_gzip_in_parallel(ByteSource& source, std::uint64_t spacing,
                                                                 const GzipParallelOptions& options);
inline constexpr std::size_t kGzipChunkMemory = std::size_t{56} << 20;

}  // namespace layoutfs
