// Chooses the deflate library, after a self-test.
#include "core/codec/deflate.h"

#include <zlib.h>

#include <cstdlib>
#include <new>
#include <string>

#include "core/base/check.h"
#include "core/codec/deflate_decoders.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Pseudo-random text of short words, so that its stream has codes and distances.
Bytes trial_text() {
  constexpr std::size_t kSize = 3 * kDeflateWindow / 2;
  Bytes text;
  text.reserve(kSize);
  std::uint32_t number = 1;
  while (text.size() < kSize) {
    number = number * 1'664'525 + 1'013'904'223;  // Knuth and Lewis
    const std::uint32_t letter = number >> 24;
    text.push_back(static_cast<std::byte>(letter < 40 ? ' ' : 'a' + (letter * letter >> 12) % 26));
  }
  return text;
}

// Makes some dozens of blocks.
Bytes deflated(ByteView plain) {
  z_stream zlib{};
  if (deflateInit2(&zlib, 1, Z_DEFLATED, -MAX_WBITS, 3, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  Bytes out(deflateBound(&zlib, plain.size()));
  zlib.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
  zlib.avail_in = static_cast<uInt>(plain.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  check(deflate(&zlib, Z_FINISH) == Z_STREAM_END, "the bound of a stream is one");
  out.resize(out.size() - zlib.avail_out);
  deflateEnd(&zlib);
  return out;
}

// Returns whether the stream decodes to `expected` from `block` on.
bool resumes(DeflateDecoder& decoder, const BlockStart& block, ByteView window, ByteView expected) {
  decoder.start_at(block, window);
  Bytes out(expected.size() + 1);
  const auto progress = decoder.decode(block.following, out, false);
  return progress && progress->stop == DeflateDecoder::Stop::end && progress->written == expected.size() &&
         std::equal(expected.begin(), expected.end(), out.begin());
}

// The self-test resumes at one of this number of boundaries.
constexpr std::size_t kTriedOf = 16;

// Block boundaries are not part of ISA-L's interface, so another version may behave differently.
bool does_what_it_should(DeflateDecoder& isal) {
  const auto again = make_isal_decoder();
  const auto zlib = make_zlib_decoder();
  const Bytes text = trial_text(), stream = deflated(text);
  Bytes out(text.size() + 1);
  std::size_t read = 0, written = 0, blocks = 0;
  for (;;) {
    const auto progress = isal.decode(ByteView(stream).subspan(read), std::span(out).subspan(written), true);
    if (!progress) return false;
    read += progress->read;
    written += progress->written;
    if (progress->stop == DeflateDecoder::Stop::end) break;
    if (progress->stop == DeflateDecoder::Stop::none || read * 8 < isal.unread_bits()) return false;
    // Each test takes time in every process.
    if (blocks++ % kTriedOf != 0) continue;
    const std::size_t position = read * 8 - isal.unread_bits();
    const std::size_t next = (position + 7) / 8;
    const BlockStart block{static_cast<unsigned>(next * 8 - position),
                           std::to_integer<std::uint8_t>(stream[next - 1]), ByteView(stream).subspan(next)};
    const ByteView before = ByteView(out).first(written);
    const ByteView window = before.last(std::min(before.size(), kDeflateWindow));
    const ByteView expected = ByteView(text).subspan(written);
    if (!resumes(*again, block, window, expected) || !resumes(*zlib, block, window, expected)) return false;
  }
  out.resize(written);
  return out == text && read * 8 - isal.unread_bits() + 7 >= stream.size() * 8 && blocks > 1;
}

DeflateLibrary choose() {
  const auto isal = make_isal_decoder();
  if (isal == nullptr) return DeflateLibrary::zlib;
  if (does_what_it_should(*isal)) return DeflateLibrary::isal;
  log(LogLevel::warning, "this version of ISA-L is unsuitable; using zlib");
  return DeflateLibrary::zlib;
}

}  // namespace

DeflateLibrary best_deflate_library() {
  static const DeflateLibrary library = choose();
  return library;
}

std::unique_ptr<DeflateDecoder> make_deflate_decoder(DeflateLibrary library) {
  return library == DeflateLibrary::isal ? make_isal_decoder() : make_zlib_decoder();
}

}  // namespace layoutfs
