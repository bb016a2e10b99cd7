// Makes, tries, packs and unpacks the states of zstd access points.
#include "core/stream/zstd_point.h"

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <utility>

#include "core/stream/zstd_frame.h"

namespace layoutfs::zstd {
namespace {

// The first byte of a state. What follows a block's is a zstd frame of a StateHeader and the dictionary.
constexpr std::byte kFrameKind{0};
constexpr std::byte kBlockKind{1};

struct StateHeader {
  std::uint64_t window_size;
  std::uint64_t has_checksum;  // 0 or 1
};

constexpr std::uint32_t kDictionaryMagic = 0xEC30A437;
constexpr std::uint8_t kDictionaryId = 1;  // only frames that make_frame_header made ask for it
constexpr std::size_t kMaxTablesSize = std::size_t{4} << 10;
constexpr std::size_t kMaxStateSize = sizeof(StateHeader) + kMaxTablesSize + kMaxPointWindow;
constexpr int kStateLevel = 3;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void append(Bytes& out, std::uint32_t number) { append(out, std::as_bytes(std::span(&number, 1))); }

// RFC 8878, 5: all but the content. A dictionary must have a Huffman tree: where the frame had none yet, no
// block can ask for it, and the smallest one stands there (4.2.1.1: one weight of 1, from which a second
// follows).
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
  const auto broken = [] { return fail(Errc::corrupt, "state of a zstd access point is broken"); };
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

BlockPointMaker::BlockPointMaker() : context_(make_context()) {}

// Decodes the boundary's blocks from the point; false unless they regenerate as many bytes as they should.
bool BlockPointMaker::decode(const Boundary& boundary) {
  if (ZSTD_isError(begin_at(context_.get(), point_))) return false;
  decoded_.resize(boundary.expected.size());
  ZSTD_inBuffer in{boundary.blocks.data(), boundary.blocks.size(), 0};
  ZSTD_outBuffer to{decoded_.data(), decoded_.size(), 0};
  while (in.pos < in.size || to.pos < to.size) {
    const auto before = std::pair(in.pos, to.pos);
    const std::size_t code = ZSTD_decompressStream(context_.get(), &to, &in);
    if (ZSTD_isError(code)) return false;
    if (before == std::pair(in.pos, to.pos) || code == 0) break;
  }
  return in.pos == in.size && to.pos == to.size;
}

// Decodes three times with windows that hold the low, middle and high byte of each position: a byte that came
// from the window says from where, and all others come out the same each time. False where the blocks cannot
// be decoded.
bool BlockPointMaker::find_referenced(const Boundary& boundary) {
  positions_.assign(boundary.expected.size(), 0);
  for (unsigned shift = 0; shift < 24; shift += 8) {
    for (std::size_t i = 0; i < boundary.window.size(); ++i)
      point_.dictionary[window_at_ + i] = static_cast<std::byte>(i >> shift);
    if (!decode(boundary)) return false;
    for (std::size_t i = 0; i < decoded_.size(); ++i)
      positions_[i] |= std::to_integer<std::uint32_t>(decoded_[i]) << shift;
  }
  return true;
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
  if (ZSTD_isError(size)) throw std::bad_alloc();  // nothing else can fail with room for the bound
  state.resize(1 + size);
  state.shrink_to_fit();
  return state;
}

std::optional<Bytes> BlockPointMaker::make(const Boundary& boundary) {
  const auto window_size = boundary.window.size();
  for (const std::uint32_t offset :
       boundary.entropy.repeat_offsets)  // libzstd refuses others in a dictionary
    if (offset == 0 || offset > window_size) return std::nullopt;

  point_ = {boundary.window_size, boundary.has_checksum, dictionary_tables(boundary.entropy)};
  window_at_ = point_.dictionary.size();
  if (window_at_ > kMaxTablesSize) return std::nullopt;
  point_.dictionary.resize(window_at_ + window_size);

  if (!find_referenced(boundary)) return std::nullopt;
  const auto window = std::span(point_.dictionary).subspan(window_at_);
  std::ranges::fill(window, std::byte{0});
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    // A byte that came from elsewhere may look like a position, but hardly one where the content is like it.
    const std::uint32_t position = positions_[i];
    if (position < window_size && boundary.window[position] == boundary.expected[i])
      window[position] = boundary.expected[i];
  }
  if (!decode(boundary) || decoded_ != boundary.expected) return std::nullopt;
  return packed();
}

}  // namespace layoutfs::zstd
