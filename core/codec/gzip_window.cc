// Finds the referenced bytes of a deflate window. The stream is decoded twice, with windows that contain
// codes of their own positions: the first and the second bytes of them. Each copied byte then names its
// source, and a literal is the same both times, which the two bytes of a code never are. So the two results
// are also the proof that decoding with the referenced bytes alone gives the stream: each of its bytes is a
// literal, or the byte of the window that it names.
#include "core/codec/gzip_window.h"

#include <algorithm>

namespace layoutfs {
namespace {

// The code of a position below kDeflateWindow.
constexpr std::byte first_code(std::size_t position) { return static_cast<std::byte>(position & 0xff); }
constexpr std::byte second_code(std::size_t position) {
  return static_cast<std::byte>(position >> 8 | ((position & 0x80) != 0 ? 0 : 0x80));
}
constexpr std::size_t position_of(std::byte first, std::byte second) {
  return std::to_integer<std::size_t>(second & std::byte{0x7f}) << 8 | std::to_integer<std::size_t>(first);
}

}  // namespace

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

// Decodes with the codes of positions instead of the window.
bool WindowThinner::spell_out_positions(std::size_t window_size, const BlockStart& start) {
  thinned_.resize(window_size);
  for (std::size_t i = 0; i < window_size; ++i) thinned_[i] = first_code(i);
  if (decode(thinned_, start, first_) != Decoded::whole) return false;
  for (std::size_t i = 0; i < window_size; ++i) thinned_[i] = second_code(i);
  return decode(thinned_, start, second_) == Decoded::whole && first_.size() == second_.size();
}

bool WindowThinner::thin(std::span<std::byte> window, const BlockStart& start, ByteView following) {
  const bool is_spelled_out = spell_out_positions(window.size(), start);
  const bool is_known = is_spelled_out && following.size() >= first_.size();
  if (!is_known && !is_right(window, start, following)) return false;
  if (!is_spelled_out) return true;
  const ByteView expected = is_known ? following.first(first_.size()) : ByteView(plain_);
  if (expected.size() != first_.size()) return false;

  std::ranges::fill(thinned_, std::byte{0});
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (first_[i] == second_[i]) {
      if (first_[i] != expected[i]) return false;
      continue;
    }
    const std::size_t position = position_of(first_[i], second_[i]);
    if (position >= window.size() || window[position] != expected[i]) return false;
    thinned_[position] = expected[i];
  }
  copy_bytes(thinned_, window);
  return true;
}

}  // namespace layoutfs
