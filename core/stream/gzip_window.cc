// Finds the bytes of a deflate window that are referred to, by decoding what follows with made-up windows.
#include "core/stream/gzip_window.h"

#include <algorithm>
#include <limits>
#include <new>

namespace layoutfs {

WindowThinner::WindowThinner() {
  if (inflateInit2(&zlib_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
}

WindowThinner::~WindowThinner() { inflateEnd(&zlib_); }

// Nothing beyond a window's length can refer to the window: `out` gets that much or what is left of the
// member. False where `start` does not hold that much.
bool WindowThinner::decode(ByteView window, const BlockStart& start, Bytes& out) {
  out.resize(kGzipWindow);
  if (start.following.size() > std::numeric_limits<uInt>::max()) return false;
  inflateReset(&zlib_);
  if (start.unused_bits > 0) {
    const int bits = start.byte_before >> (8 - start.unused_bits);
    inflatePrime(&zlib_, static_cast<int>(start.unused_bits), bits);
  }
  inflateSetDictionary(&zlib_, reinterpret_cast<const Bytef*>(window.data()),
                       static_cast<uInt>(window.size()));
  zlib_.next_in = reinterpret_cast<const Bytef*>(start.following.data());
  zlib_.avail_in = static_cast<uInt>(start.following.size());
  zlib_.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib_.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&zlib_, Z_NO_FLUSH);
  const bool is_whole = result == Z_STREAM_END || (result == Z_OK && zlib_.avail_out == 0);
  out.resize(out.size() - zlib_.avail_out);
  return is_whole;
}

void WindowThinner::thin(std::span<std::byte> window, const BlockStart& start) {
  if (!decode(window, start, plain_)) return;
  thinned_.resize(window.size());
  for (std::size_t i = 0; i < window.size(); ++i) thinned_[i] = static_cast<std::byte>(i & 0xff);
  if (!decode(thinned_, start, low_)) return;
  for (std::size_t i = 0; i < window.size(); ++i) thinned_[i] = static_cast<std::byte>(i >> 8);
  if (!decode(thinned_, start, high_)) return;
  if (low_.size() != plain_.size() || high_.size() != plain_.size()) return;

  std::ranges::fill(thinned_, std::byte{0});
  for (std::size_t i = 0; i < plain_.size(); ++i) {
    // A byte that is the same with every window need not come from one; but at one position low half, high
    // half and content could be alike by chance, and the formula gives just that position.
    const auto position = std::to_integer<std::size_t>(high_[i]) << 8 | std::to_integer<std::size_t>(low_[i]);
    if (position < window.size()) thinned_[position] = window[position];
  }
  if (!decode(thinned_, start, low_) || low_ != plain_) return;
  std::ranges::copy(thinned_, window.begin());
}

}  // namespace layoutfs
