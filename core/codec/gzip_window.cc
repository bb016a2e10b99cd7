// Finds the referenced bytes of a deflate window. The stream is decoded twice, with windows that contain
// codes of their own positions: the first and the second bytes of them. Each copied byte then names its
// source, and a literal is the same both times, which the two bytes of a code never are. So the two results
// are also the proof that decoding with the referenced bytes alone gives the stream: each of its bytes is a
// literal, or the byte of the window that it names.
#include "core/codec/gzip_window.h"

#include <algorithm>
#include <array>

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

// The codes of all positions.
struct Codes {
  std::array<std::byte, kDeflateWindow> first, second;
};
const Codes& codes() {
  static const Codes all = [] {
    Codes made;
    for (std::size_t i = 0; i < kDeflateWindow; ++i) {
      made.first[i] = first_code(i);
      made.second[i] = second_code(i);
    }
    return made;
  }();
  return all;
}

// Marks in `masks` the positions that the decoded bytes name, which are those of a literal, the same in
// `first` and `second`, or of a copied byte. Returns whether all bytes are as expected, if `sources` is the
// window. Both have kDeflateWindow bytes and one more, for literals: a branch would not be predictable.
bool follow_copies(ByteView first, ByteView second, ByteView expected, ByteView sources,
                   std::span<std::byte> masks) {
  std::byte wrong{0};
  const auto follow = [&](std::size_t i) {
    // Arithmetic, because the compiler would make branches.
    const auto copied = static_cast<std::size_t>(0) - static_cast<std::size_t>(first[i] != second[i]);
    const std::size_t position =
        kDeflateWindow ^ ((kDeflateWindow ^ position_of(first[i], second[i])) & copied);
    wrong |= first[i] ^ expected[i] ^ ((first[i] ^ sources[position]) & static_cast<std::byte>(copied));
    masks[position] = std::byte{0xff};
  };
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::size_t i = 0;
  for (; i + kWord <= expected.size(); i += kWord) {
    const auto word = load_le<std::uint64_t>(expected, i), one = load_le<std::uint64_t>(first, i),
               other = load_le<std::uint64_t>(second, i);
    if (one == word && other == word) continue;
    for (std::size_t at = i; at < i + kWord; ++at) follow(at);
  }
  for (; i < expected.size(); ++i) follow(i);
  return wrong == std::byte{0};
}

}  // namespace

WindowThinner::WindowThinner(DeflateLibrary library)
    : deflate_(make_deflate_decoder(library)), sources_(kDeflateWindow + 1), masks_(kDeflateWindow + 1) {}

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
  if (decode(ByteView(codes().first).first(window_size), start, first_) != Decoded::whole) return false;
  return decode(ByteView(codes().second).first(window_size), start, second_) == Decoded::whole &&
         first_.size() == second_.size();
}

bool WindowThinner::thin(std::span<std::byte> window, const BlockStart& start, ByteView following) {
  const bool is_spelled_out = spell_out_positions(window.size(), start);
  const bool is_known = is_spelled_out && following.size() >= first_.size();
  if (!is_known && !is_right(window, start, following)) return false;
  if (!is_spelled_out) return true;
  const ByteView expected = is_known ? following.first(first_.size()) : ByteView(plain_);
  if (expected.size() != first_.size()) return false;

  copy_bytes(window, sources_);
  std::ranges::fill(masks_, std::byte{0});
  if (!follow_copies(first_, second_, expected, sources_, masks_)) return false;
  const auto beyond = ByteView(masks_).first(kDeflateWindow).subspan(window.size());
  if (std::ranges::any_of(beyond, [](std::byte mask) { return mask != std::byte{0}; })) return false;
  for (std::size_t i = 0; i < window.size(); ++i) window[i] &= masks_[i];
  return true;
}

}  // namespace layoutfs
