// Makes libzstd contexts, and translates their errors.
#include "core/codec/zstd_context.h"

#include <zstd_errors.h>

#include <new>
#include <string>

namespace layoutfs::zstd {

DecompressionContext make_decompression_context() {
  DecompressionContext context(ZSTD_createDCtx());
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog)))
    throw std::bad_alloc();
  return context;
}

CompressionContext make_compression_context() {
  CompressionContext context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return context;
}

std::optional<std::size_t> decompress(ByteView frames, std::span<std::byte> out) {
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), frames.data(), frames.size());
  if (!ZSTD_isError(size)) return size;
  if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  return std::nullopt;
}

Bytes StateCompressor::compress(std::byte kind, ByteView plain) {
  constexpr int kLevel = 3;
  const std::size_t most = ZSTD_compressBound(plain.size());
  if (packed_.size() < most) packed_.resize(most);
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), packed_.data(), packed_.size(), plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // with enough room, lack of memory is the only error
  Bytes state;
  state.reserve(1 + size);
  state.push_back(kind);
  state.insert(state.end(), packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(size));
  return state;
}

Error failure(std::size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
      throw std::bad_alloc();
    case ZSTD_error_frameParameter_windowTooLarge:
      return Error(Errc::unsupported, "zstd frame has a window of more than 128 MiB");
    case ZSTD_error_dictionary_wrong:
      return Error(Errc::unsupported, "zstd frame needs a dictionary");
    default:
      return Error(Errc::corrupt, std::string("invalid zstd stream: ") + ZSTD_getErrorName(code));
  }
}

}  // namespace layoutfs::zstd
