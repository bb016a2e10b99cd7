// Reduces the 32 KiB before a deflate block (RFC 1951, 2) to the bytes that later blocks refer to.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/codec/deflate.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// Most bytes of a window are never referenced: for a tar of real files, nine of ten. For one thread at a
// time.
class WindowThinner {
 public:
  // Compressed bytes after the block's start that suffice in nearly all cases. With fewer, windows are not
  // thinned.
  static constexpr std::size_t kLookAhead = 2 * kDeflateWindow;

  explicit WindowThinner(DeflateLibrary library);

  // Zeros the unreferenced bytes of `window`, the stream before the block. If too little is known of the
  // blocks after it, the window is unchanged. Returns false if decoding with the window does not give
  // `following`, the known part of the stream from the block on; the window is unchanged then. Cost: decoding
  // 64 KiB, or 96 KiB if `following` is shorter than 32 KiB.
  bool thin(std::span<std::byte> window, const BlockStart& start, ByteView following);

 private:
  enum class Decoded { nothing, part, whole };
  Decoded decode(ByteView window, const BlockStart& start, Bytes& out);
  bool is_right(ByteView window, const BlockStart& start, ByteView expected);
  bool spell_out_positions(std::size_t window_size, const BlockStart& start);

  std::unique_ptr<DeflateDecoder> deflate_;
  // The stream from the block on, decoded with the window, and with the first and the second bytes of codes.
  Bytes plain_, first_, second_;
  // By position in the window: its byte, and whether it is referenced (all bits or none).
  Bytes sources_, masks_;
};

}  // namespace layoutfs
