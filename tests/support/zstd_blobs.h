// For tests: zstd blobs as libzstd writes them, and frames put together by hand.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>

#include "layoutfs/bytes.h"

namespace layoutfs::testing {

struct ZstdOptions {
  int level = 3;
  int window_log = 0;  // 0: the level's default
  bool has_checksum = false;
  bool has_content_size = false;
  std::size_t flush_every = 0;  // bytes of input; 0: never
  bool is_long = false;         // with the long distance matcher, as of zstd --long
};

// Returns one frame, by libzstd's streaming compressor.
inline Bytes zstd_of(ByteView plain, const ZstdOptions& options = {}) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  const auto must = [](std::size_t code) {
    if (ZSTD_isError(code)) throw std::runtime_error(ZSTD_getErrorName(code));
    return code;
  };
  must(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, options.level));
  must(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, options.window_log));
  must(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, options.has_checksum ? 1 : 0));
  must(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_enableLongDistanceMatching, options.is_long ? 1 : 0));
  if (options.has_content_size) must(ZSTD_CCtx_setPledgedSrcSize(context.get(), plain.size()));

  const std::size_t piece = options.flush_every == 0 ? std::size_t{1} << 20 : options.flush_every;
  Bytes blob(ZSTD_compressBound(plain.size()) + (plain.size() / piece + 2) * 64);
  ZSTD_outBuffer out{blob.data(), blob.size(), 0};
  for (std::size_t at = 0; at < plain.size(); at += piece) {
    ZSTD_inBuffer in{plain.data() + at, std::min(piece, plain.size() - at), 0};
    const auto how = options.flush_every == 0 ? ZSTD_e_continue : ZSTD_e_flush;
    while (must(ZSTD_compressStream2(context.get(), &out, &in, how)) != 0 || in.pos < in.size)
      if (how == ZSTD_e_continue && in.pos == in.size) break;
  }
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  if (must(ZSTD_compressStream2(context.get(), &out, &nothing, ZSTD_e_end)) != 0)
    throw std::runtime_error("no room for a zstd blob");
  blob.resize(out.pos);
  return blob;
}

// Frames of `frame` bytes each.
inline Bytes zstd_frames_of(ByteView plain, std::size_t frame, const ZstdOptions& options = {}) {
  Bytes blob;
  for (std::size_t at = 0; at < plain.size(); at += frame) {
    const Bytes one = zstd_of(plain.subspan(at, std::min(frame, plain.size() - at)), options);
    blob.insert(blob.end(), one.begin(), one.end());
  }
  return blob;
}

inline Bytes zstd_skippable_frame(std::uint32_t size, std::uint8_t number = 0) {
  Bytes frame(8 + size, std::byte{0x28});
  const std::uint32_t magic = 0x184D2A50U + number;
  std::memcpy(frame.data(), &magic, sizeof magic);
  std::memcpy(frame.data() + sizeof magic, &size, sizeof size);
  return frame;
}

inline Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// A frame's front: no checksum, no content size, a window of 1 KiB << `window_exponent`.
inline Bytes zstd_frame_header(unsigned window_exponent) {
  return bytes_of({0x28, 0xB5, 0x2F, 0xFD, 0, window_exponent << 3});
}

// A block's header (RFC 8878, 3.1.1.2); type 0 is raw, 1 RLE, 2 compressed.
inline Bytes zstd_block_header(unsigned type, std::size_t size, bool is_last) {
  const auto fields = static_cast<unsigned>(size << 3 | type << 1 | (is_last ? 1 : 0));
  return bytes_of({fields & 255, fields >> 8 & 255, fields >> 16 & 255});
}

}  // namespace layoutfs::testing
