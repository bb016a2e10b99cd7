// Makes, tries, packs and unpacks the states of zstd access points.
#include "core/stream/zstd_point.h"

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "core/stream/zstd_context.h"
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

// Decodes the boundary's blocks with `point`; false unless they regenerate as many bytes as `out` has.
bool decode_blocks(ZSTD_DCtx* context, const BlockPoint& point, ByteView blocks, std::span<std::byte> out) {
  if (ZSTD_isError(begin_at(context, point))) return false;
  ZSTD_inBuffer in{blocks.data(), blocks.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (in.pos < in.size || to.pos < to.size) {
    const auto before = std::pair(in.pos, to.pos);
    const std::size_t code = ZSTD_decompressStream(context, &to, &in);
    if (ZSTD_isError(code)) return false;
    if (before == std::pair(in.pos, to.pos) || code == 0) break;
  }
  return in.pos == in.size && to.pos == to.size;
}

// Decodes three times with windows that hold the low, middle and high byte of each position: a byte that came
// from the window says from where, and all others come out the same each time. Where those happen to say a
// position too, it is kept for nothing. Returns nothing where the blocks cannot be decoded.
std::optional<std::vector<bool>> referenced_positions(ZSTD_DCtx* context, BlockPoint& point,
                                                      const Boundary& boundary) {
  const std::size_t window_size = boundary.window.size();
  const std::size_t window_at = point.dictionary.size() - window_size;
  Bytes decoded(boundary.expected.size());
  std::vector<std::uint32_t> positions(decoded.size());
  for (unsigned shift = 0; shift < 24; shift += 8) {
    for (std::size_t i = 0; i < window_size; ++i)
      point.dictionary[window_at + i] = static_cast<std::byte>(i >> shift);
    if (!decode_blocks(context, point, boundary.blocks, decoded)) return std::nullopt;
    for (std::size_t i = 0; i < decoded.size(); ++i)
      positions[i] |= std::to_integer<std::uint32_t>(decoded[i]) << shift;
  }
  std::vector<bool> is_referenced(window_size);
  for (const std::uint32_t position : positions)
    if (position < window_size) is_referenced[position] = true;
  return is_referenced;
}

Bytes pack(const BlockPoint& point) {
  const StateHeader header{point.window_size, point.has_checksum ? 1U : 0U};
  Bytes plain;
  plain.reserve(sizeof header + point.dictionary.size());
  append(plain, std::as_bytes(std::span(&header, 1)));
  append(plain, point.dictionary);
  Bytes state(1 + ZSTD_compressBound(plain.size()));
  state[0] = kBlockKind;
  const std::size_t size =
      ZSTD_compress(state.data() + 1, state.size() - 1, plain.data(), plain.size(), kStateLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // nothing else can fail with room for the bound
  state.resize(1 + size);
  state.shrink_to_fit();
  return state;
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

std::optional<Bytes> make_block_point(const Boundary& boundary) {
  const auto window_size = boundary.window.size();
  for (const std::uint32_t offset :
       boundary.entropy.repeat_offsets)  // libzstd refuses others in a dictionary
    if (offset == 0 || offset > window_size) return std::nullopt;

  BlockPoint point{boundary.window_size, boundary.has_checksum, dictionary_tables(boundary.entropy)};
  const std::size_t window_at = point.dictionary.size();
  if (window_at > kMaxTablesSize) return std::nullopt;
  point.dictionary.resize(window_at + window_size);

  const Context context = make_context();
  const auto is_referenced = referenced_positions(context.get(), point, boundary);
  if (!is_referenced) return std::nullopt;
  for (std::size_t i = 0; i < window_size; ++i)
    point.dictionary[window_at + i] = (*is_referenced)[i] ? boundary.window[i] : std::byte{0};
  Bytes decoded(boundary.expected.size());
  if (!decode_blocks(context.get(), point, boundary.blocks, decoded)) return std::nullopt;
  if (!std::ranges::equal(decoded, boundary.expected)) return std::nullopt;
  return pack(point);
}

}  // namespace layoutfs::zstd
