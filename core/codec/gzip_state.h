// The serialized state of a gzip access point.
#pragma once

#include <optional>

#include "core/codec/gzip_window.h"
#include "core/codec/sparse_bytes.h"
#include "core/codec/zstd_context.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Writes states. For one thread at a time.
class GzipStateWriter {
 public:
  explicit GzipStateWriter(DeflateLibrary library) : thinner_(library) {}

  // Returns the state at a block. `window` (at most kDeflateWindow) is the stream before it, and is thinned;
  // `following` is the known part of the stream after it. Returns nullopt if decoding gives other bytes.
  std::optional<Bytes> at_block(std::span<std::byte> window, const BlockStart& start, ByteView following);

 private:
  WindowThinner thinner_;
  RunWriter runs_;
  Bytes plain_;
  zstd::StateCompressor compressor_;
};

// Returns the state at the header of a member.
Bytes at_gzip_header();

struct GzipState {
  bool is_at_header;
  Bytes window;  // empty at a header
};

// Errc::corrupt if it is not from a GzipStateWriter. An empty state is the start of the blob: a header.
Result<GzipState> parse_gzip_state(ByteView state);

}  // namespace layoutfs
