// Makes, tests, writes and parses the states of zstd access points.
#include "core/codec/zstd_point.h"

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <utility>

#include "core/codec/zstd_frame.h"

namespace layoutfs::zstd {
namespace {

// The first byte of a state. A block's state continues with a zstd frame of a StateHeader and the dictionary.
constexpr std::byte kFrameKind{0};
constexpr std::byte kBlockKind{1};

struct StateHeader {
  std::uint64_t window_size;
  std::uint64_t has_checksum;  // 0 or 1
};

constexpr std::uint32_t kDictionaryMagic = 0xEC30A437;
constexpr std::uint8_t kDictionaryId = 1;  // used only by frames from make_frame_header
constexpr std::size_t kMaxTablesSize = std::size_t{4} << 10;
constexpr std::size_t kMaxStateSize = sizeof(StateHeader) + kMaxTablesSize + kMaxPointWindow;
constexpr int kStateLevel = 3;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void append(Bytes& out, std::uint32_t number) { append(out, std::as_bytes(std::span(&number, 1))); }

// Everything but the content (RFC 8878, 5). A dictionary must have a Huffman tree. If the frame had none yet,
// no block can use it, so the smallest one is written (4.2.1.1: one weight of 1, which implies a second).
Bytes dictionary_tables(const EntropyState& entropy) {
  constexpr std::array kSmallestHuffman = {std::byte{128}, std::byte{0x10}};
  Bytes out;
  append(out, kDictionaryMagic);
  append(out, std::uint32_t{kDictionaryId});
  append(out, entropy.huffman.empty() ? ByteView(kSmallestHuffman) : ByteView(entropy.huffman));
  append(out, entropy.offsets);
  append(out, entropy.match_lengths);
  append(out, entropy.literal_lengths);
  for (const std::uint32_t offset : entropy.repeat_offsets) append(out, offset);
  return out;
}

}  // namespace

Bytes frame_point() { return {kFrameKind}; }

Result<std::optional<BlockPoint>> parse_point(ByteView state) {
  const auto broken = [] { return fail(Errc::corrupt, "invalid state of a zstd access point"); };
  if (state.empty() || (state.size() == 1 && state[0] == kFrameKind)) return std::nullopt;
  if (state[0] != kBlockKind) return broken();
  const ByteView packed = state.subspan(1);
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size > kMaxStateSize || size <= sizeof(StateHeader)) return broken();  // errors are huge numbers
  Bytes plain(static_cast<std::size_t>(size));
  if (ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size()) != size) return broken();
  const auto header = load_le<StateHeader>(plain);
  if (header.window_size > kMaxPointWindow || header.has_checksum > 1) return broken();
  plain.erase(plain.begin(), plain.begin() + sizeof header);
  return BlockPoint{header.window_size, header.has_checksum == 1, std::move(plain)};
}

std::size_t begin_at(ZSTD_DCtx* context, const BlockPoint& point) {
  std::size_t code = ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  if (ZSTD_isError(code)) return code;
  code = ZSTD_DCtx_loadDictionary(context, point.dictionary.data(), point.dictionary.size());
  if (ZSTD_isError(code)) return code;
  const Bytes header = make_frame_header(point.window_size, kDictionaryId);
  ZSTD_inBuffer in{header.data(), header.size(), 0};
  ZSTD_outBuffer nowhere{nullptr, 0, 0};
  return ZSTD_decompressStream(context, &nowhere, &in);
}

BlockPointMaker::BlockPointMaker() : context_(make_decompression_context()) {}

// Copies those bytes of the boundary's window that its blocks use into the dictionary's `window`, which is
// zero. Bytes copied from behind the boundary come from these or from the blocks themselves. Returns false if
// the walker does not understand a block.
bool BlockPointMaker::keep_copied(Boundary& boundary, std::span<std::byte> window) {
  ByteView rest = boundary.blocks;
  for (std::size_t block_at = 0; !rest.empty();) {
    const auto header = parse_block_header(rest);
    if (!header) return false;
    if (!boundary.walker.follow(*header, rest.subspan(kBlockHeaderSize, header->content_size))) return false;
    matches_.clear();
    const auto size = boundary.walker.last_matches(matches_);
    if (!size) return false;
    for (const Match& match : matches_) {
      const std::size_t at = block_at + match.at;
      if (match.offset <= at) continue;
      const std::size_t before = match.offset - at;
      if (before > window.size()) return false;
      const std::size_t from = window.size() - before;
      std::copy_n(boundary.window.data() + from, std::min(match.length, before), window.data() + from);
    }
    block_at += *size;
    rest = rest.subspan(kBlockHeaderSize + header->content_size);
  }
  return true;
}

// Decodes the boundary's blocks from the point. Returns whether that gives the expected bytes.
bool BlockPointMaker::stands_trial(const Boundary& boundary) {
  if (ZSTD_isError(begin_at(context_.get(), point_))) return false;
  decoded_.resize(kMaxBlockSize);
  ZSTD_inBuffer in{boundary.blocks.data(), boundary.blocks.size(), 0};
  ByteView expected = boundary.expected;
  while (in.pos < in.size || !expected.empty()) {
    const std::size_t before = in.pos;
    ZSTD_outBuffer to{decoded_.data(), decoded_.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &in);
    if (ZSTD_isError(code) || to.pos > expected.size() ||
        !std::ranges::equal(ByteView(decoded_).first(to.pos), expected.first(to.pos)))
      return false;
    expected = expected.subspan(to.pos);
    if (code == 0 || (to.pos == 0 && in.pos == before)) break;  // end of the frame, or no progress
  }
  return in.pos == in.size && expected.empty();
}

Bytes BlockPointMaker::packed() const {
  const StateHeader header{point_.window_size, point_.has_checksum ? 1U : 0U};
  Bytes plain;
  plain.reserve(sizeof header + point_.dictionary.size());
  append(plain, std::as_bytes(std::span(&header, 1)));
  append(plain, point_.dictionary);
  Bytes state(1 + ZSTD_compressBound(plain.size()));
  state[0] = kBlockKind;
  const std::size_t size =
      ZSTD_compress(state.data() + 1, state.size() - 1, plain.data(), plain.size(), kStateLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // with enough room, lack of memory is the only error
  state.resize(1 + size);
  state.shrink_to_fit();
  return state;
}

std::optional<Bytes> BlockPointMaker::make(Boundary boundary) {
  const auto window_size = boundary.window.size();
  const auto entropy = boundary.walker.state();
  if (!entropy) return std::nullopt;
  for (const std::uint32_t offset : entropy->repeat_offsets)  // libzstd refuses other offsets in a dictionary
    if (offset == 0 || offset > window_size) return std::nullopt;

  point_ = {boundary.window_size, boundary.has_checksum, dictionary_tables(*entropy)};
  const std::size_t window_at = point_.dictionary.size();
  if (window_at > kMaxTablesSize) return std::nullopt;
  point_.dictionary.resize(window_at + window_size);
  if (!keep_copied(boundary, std::span(point_.dictionary).subspan(window_at))) return std::nullopt;
  if (!stands_trial(boundary)) return std::nullopt;
  return packed();
}

}  // namespace layoutfs::zstd
