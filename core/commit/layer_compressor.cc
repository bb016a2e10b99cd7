#include "core/commit/layer_compressor.h"

#include <new>
#include <utility>

#include "core/codec/gzip_state.h"
#include "core/codec/gzip_writer.h"
#include "core/codec/zstd_point.h"

namespace layoutfs {
namespace {

// zstd(1)'s default, which builders use, too.
constexpr int kZstdLevel = 3;

}  // namespace

Bytes LayerCompressor::compress(ByteView piece) {
  switch (compression_) {
    case Compression::gzip:
      return gzip_of(piece, kUsualGzip);
    case Compression::zstd:
      return compress_zstd(piece);
    case Compression::none:
      break;
  }
  return {piece.begin(), piece.end()};
}

Bytes LayerCompressor::compress_zstd(ByteView piece) {
  zstd::CompressionContext context;
  if (auto unused = unused_.lock(); !unused->empty()) {
    context = std::move(unused->back());
    unused->pop_back();
  }
  if (!context) context = zstd::make_compression_context();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kZstdLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  Bytes packed(ZSTD_compressBound(piece.size()));
  const std::size_t size =
      ZSTD_compress2(context.get(), packed.data(), packed.size(), piece.data(), piece.size());
  if (ZSTD_isError(size)) throw std::bad_alloc();  // with enough room, lack of memory is the only error
  packed.resize(size);
  unused_.lock()->push_back(std::move(context));
  return packed;
}

Bytes LayerCompressor::point_state() const {
  switch (compression_) {
    case Compression::gzip:
      return at_gzip_header();
    case Compression::zstd:
      return zstd::frame_point();
    case Compression::none:
      break;
  }
  return {};
}

}  // namespace layoutfs
