// The 32 KiB before a deflate block (RFC 1951, 2), reduced to the bytes that later ones refer to.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/codec/deflate.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// Most bytes of a window are never referred to, and zeros cost nothing when a window is compressed: on a tar
// of real files the windows shrink to a sixth. For one thread at a time.
class WindowThinner {
 public:
  // So many compressed bytes behind the block's start are enough in nearly all cases; with fewer, windows
  // stay whole.
  static constexpr std::size_t kLookAhead = 2 * kDeflateWindow;

  explicit WindowThinner(DeflateLibrary library);

  // Zeros the bytes of `window`, the stream before the block, to which nothing refers; the result was tried.
  // If that is not possible or gives other bytes, the window stays as it is. Returns false if decoding with
  // the window gives other bytes than `following`, the stream from the block on as far as it is known.
  bool thin(std::span<std::byte> window, const BlockStart& start, ByteView following);

 private:
  enum class Decoded { nothing, part, whole };
  Decoded decode(ByteView window, const BlockStart& start, Bytes& out);
  bool is_right(ByteView window, const BlockStart& start, ByteView expected);
  bool spell_out_positions(std::size_t window_size, const BlockStart& start);

  std::unique_ptr<DeflateDecoder> deflate_;
  // The stream from the block on, decoded with the window, and with the low and the high halves of positions.
  Bytes plain_, low_, high_;
  Bytes thinned_;
};

}  // namespace layoutfs
