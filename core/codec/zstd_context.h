// Owners for libzstd's contexts, and the conversion of its errors.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs::zstd {

struct DecompressionContextDeleter {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};
using DecompressionContext = std::unique_ptr<ZSTD_DCtx, DecompressionContextDeleter>;

struct CompressionContextDeleter {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using CompressionContext = std::unique_ptr<ZSTD_CCtx, CompressionContextDeleter>;
// Throws std::bad_alloc.
CompressionContext make_compression_context();

// The decoder allocates the window of a frame; the limit is the default of zstd(1).
inline constexpr int kMaxWindowLog = 27;

// Returns a context that refuses larger windows. Throws std::bad_alloc.
DecompressionContext make_decompression_context();

// Converts a return value for which ZSTD_isError is true: Errc::unsupported for windows and dictionaries,
// otherwise Errc::corrupt. Throws std::bad_alloc if libzstd had no memory.
Error failure(std::size_t code);

// Decompresses one or more whole frames. Returns their size in bytes; nullopt if they are invalid or larger
// than `out`. Throws std::bad_alloc if libzstd had no memory.
std::optional<std::size_t> decompress(ByteView frames, std::span<std::byte> out);

// Compresses the states of access points. For one thread at a time; keeps its memory from one to the next.
class StateCompressor {
 public:
  StateCompressor() : context_(make_compression_context()) {}
  // Returns `kind` and a frame of `plain`. Throws std::bad_alloc.
  Bytes compress(std::byte kind, ByteView plain);

 private:
  CompressionContext context_;
  Bytes packed_;
};

// The error of input that ends inside a frame.
inline Error truncated() { return Error(Errc::corrupt, "unexpected end of zstd stream"); }

}  // namespace layoutfs::zstd
