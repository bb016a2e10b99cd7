// Finds the referenced bytes of a deflate window. The stream is decoded twice, with windows that contain the
// low and the high halves of their own positions; each copied byte then names its source.
#include "core/codec/gzip_window.h"

#include <algorithm>

namespace layoutfs {

WindowThinner::WindowThinner(DeflateLibrary library) : deflate_(make_deflate_decoder(library)) {}

// Only the next kDeflateWindow bytes can refer to the window: decodes that many to `out`, or the rest of the
// member. Decoded::part if `start` has fewer.
WindowThinner::Decoded WindowThinner::decode(ByteView window, const BlockStart& start, Bytes& out) {
  out.resize(kDeflateWindow);
  deflate_->start_at(start, window);
  const auto progress = deflate_->decode(start.following, out, false);
  out.resize(progress ? progress->written : 0);
  if (!progress) return Decoded::nothing;
  const bool is_whole = progress->stop == DeflateDecoder::Stop::end || progress->written == kDeflateWindow;
  return is_whole ? Decoded::whole : Decoded::part;
}

// Returns whether decoding with this window gives `expected`, as far as both go.
bool WindowThinner::is_right(ByteView window, const BlockStart& start, ByteView expected) {
  if (decode(window, start, plain_) == Decoded::nothing) return false;
  const std::size_t size = std::min(plain_.size(), expected.size());
  return std::ranges::equal(ByteView(plain_).first(size), expected.first(size));
}

// Decodes with the low and the high halves of positions instead of the window.
bool WindowThinner::spell_out_positions(std::size_t window_size, const BlockStart& start) {
  thinned_.resize(window_size);
  for (std::size_t i = 0; i < window_size; ++i) thinned_[i] = static_cast<std::byte>(i & 0xff);
  if (decode(thinned_, start, low_) != Decoded::whole) return false;
  for (std::size_t i = 0; i < window_size; ++i) thinned_[i] = static_cast<std::byte>(i >> 8);
  return decode(thinned_, start, high_) == Decoded::whole && low_.size() == high_.size();
}

bool WindowThinner::thin(std::span<std::byte> window, const BlockStart& start, ByteView following) {
  const bool is_spelled_out = spell_out_positions(window.size(), start);
  const bool is_known = is_spelled_out && following.size() >= low_.size();
  if (!is_known && !is_right(window, start, following)) return false;
  if (!is_spelled_out) return true;
  const ByteView expected = is_known ? following.first(low_.size()) : ByteView(plain_);

  std::ranges::fill(thinned_, std::byte{0});
  for (std::size_t i = 0; i < low_.size(); ++i) {
    // A literal is the same with every window, and looks like a reference to the one position with equal
    // halves. If the content there differs, it is not a reference.
    const auto position = std::to_integer<std::size_t>(high_[i]) << 8 | std::to_integer<std::size_t>(low_[i]);
    if (position < window.size() && window[position] == expected[i]) thinned_[position] = expected[i];
  }
  if (decode(thinned_, start, low_) != Decoded::whole || !std::ranges::equal(low_, expected))
    return is_right(window, start, expected);
  copy_bytes(thinned_, window);
  return true;
}

}  // namespace layoutfs
