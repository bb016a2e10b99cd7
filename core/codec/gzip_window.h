// Reduces the 32 KiB before a deflate block (RFC 1951, 2) to the bytes that later blocks refer to.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/codec/deflate.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// Most bytes of a window are never referenced, and zeros compress well: for a tar of real files, windows
// shrink to a sixth. For one thread at a time.
class WindowThinner {
 public:
  // Compressed bytes after the block's start that suffice in nearly all cases. With fewer, windows are not
  // thinned.
  static constexpr std::size_t kLookAhead = 2 * kDeflateWindow;

  explicit WindowThinner(DeflateLibrary library);

  // Zeros the unreferenced bytes of `window`, the stream before the block, and tests the result. If that is
  // not possible or gives other bytes, the window is unchanged. Returns false if decoding with the window
  // does not give `following`, the known part of the stream from the block on.
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
