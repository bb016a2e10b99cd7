// Compresses a layer in pieces that can be decoded separately.
#pragma once

#include <cstddef>
#include <vector>

#include "core/base/compression.h"
#include "core/base/guarded.h"
#include "core/codec/zstd_context.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// Bytes of uncompressed stream of each piece but the last one, which may be shorter. Larger pieces compress
// little better, and a reader decodes from the start of a piece.
inline constexpr std::size_t kLayerPiece = std::size_t{1} << 20;

// Each piece becomes a frame of zstd, a member of gzip, or itself; their concatenation is the layer
// (RFC 8878, 3; RFC 1952, 2.2). So the bytes do not depend on the number of threads, and each piece begins at
// an access point. Equal pieces give equal bytes, with the same versions of the libraries. Thread-safe.
class LayerCompressor {
 public:
  explicit LayerCompressor(Compression compression) : compression_(compression) {}
  Compression compression() const noexcept { return compression_; }

  // Throws std::bad_alloc.
  Bytes compress(ByteView piece);
  // Returns the state of the access point at a piece that is not the first one.
  Bytes point_state() const;

 private:
  Bytes compress_zstd(ByteView piece);

  const Compression compression_;
  Guarded<std::vector<zstd::CompressionContext>> unused_;
};

}  // namespace layoutfs
