// The state of a gzip access point as bytes: all that a decoder needs there besides the position.
#pragma once

#include <memory>
#include <optional>

#include "core/codec/gzip_window.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

struct ZSTD_CCtx_s;

namespace layoutfs {

// Writes states. For one thread at a time.
class GzipStateWriter {
 public:
  explicit GzipStateWriter(DeflateLibrary library);
  ~GzipStateWriter();

  // At a block: `window` (at most kDeflateWindow) is the stream before it, and is thinned; `following` is the
  // stream from it on, as far as it is known. Returns nothing if decoding gives other bytes.
  std::optional<Bytes> at_block(std::span<std::byte> window, const BlockStart& start, ByteView following);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> zstd_;
  WindowThinner thinner_;
};

// The state at the header of a member.
Bytes at_gzip_header();

struct GzipState {
  bool is_at_header;
  Bytes window;  // empty at a header
};

// Errc::corrupt if no GzipStateWriter wrote it. An empty state is that of the blob's start: a header.
Result<GzipState> parse_gzip_state(ByteView state);

}  // namespace layoutfs
