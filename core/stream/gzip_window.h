// The 32 KiB before a deflate block (RFC 1951, 2), reduced to the bytes that later ones refer to.
#pragma once

#define ZLIB_CONST
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/bytes.h"

namespace layoutfs {

inline constexpr std::size_t kGzipWindow = std::size_t{1} << MAX_WBITS;

// The stream from a block boundary on, as far as it is known.
struct BlockStart {
  unsigned unused_bits;  // 0 to 7: how many bits of `byte_before` belong to the block
  std::uint8_t byte_before;
  ByteView following;  // the blob's bytes after that one
};

// Most bytes of a window are never referred to, and zeros cost nothing when a window is compressed: on a tar
// of real files the windows shrink to a sixth. For one thread at a time.
class WindowThinner {
 public:
  // How much of what follows is enough in nearly all cases; with less, windows stay whole.
  static constexpr std::size_t kLookAhead = 2 * kGzipWindow;

  WindowThinner();
  WindowThinner(const WindowThinner&) = delete;
  WindowThinner& operator=(const WindowThinner&) = delete;
  ~WindowThinner();

  // Zeros the bytes of `window`, which ends where the block starts, that what follows does not depend on. The
  // result was decoded with; where that is not possible or gives other bytes, the window stays as it is.
  void thin(std::span<std::byte> window, const BlockStart& start);

 private:
  bool decode(ByteView window, const BlockStart& start, Bytes& out);

  z_stream zlib_{};
  // What follows: decoded with the window itself, with the low and with the high halves of positions in its
  // place.
  Bytes plain_, low_, high_;
  Bytes thinned_;
};

}  // namespace layoutfs
