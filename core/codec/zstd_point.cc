// Makes, tests, writes and parses the states of zstd access points.
#include "core/codec/zstd_point.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/codec/sparse_bytes.h"
#include "core/codec/zstd_frame.h"

namespace layoutfs::zstd {
namespace {

// The first byte of a state. A block's state continues with a zstd frame of a StateHeader, the tables of the
// dictionary, and the needed bytes of the window (sparse_bytes.h).
constexpr std::byte kFrameKind{0};
constexpr std::byte kBlockKind{1};

struct StateHeader {
  std::uint64_t frame_window_size;
  std::uint32_t window_size;  // of the dictionary
  std::uint32_t tables_size;
  std::uint32_t runs;
  std::uint32_t has_checksum;  // 0 or 1
};

constexpr std::uint32_t kDictionaryMagic = 0xEC30A437;
constexpr std::uint8_t kDictionaryId = 1;  // used only by frames from make_frame_header
// A run of one byte takes three.
constexpr std::size_t kMaxStateSize = sizeof(StateHeader) + Dictionary::kMaxTablesSize + 3 * kMaxPointWindow;
// Decoded bytes of the test. They prove the tables and the repeat offsets. The walker proves the rest: it
// knows the matches of all blocks of a window, and the same sizes of the blocks as libzstd.
constexpr std::size_t kTrialSize = std::size_t{256} << 10;

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

// Calls run(at, size) for each run of ones.
template <class Run>
void for_each_run(std::span<const std::uint64_t> bits, Run run) {
  std::size_t begin = 0;
  bool is_inside = false;
  for (std::size_t word = 0; word < bits.size(); ++word) {
    // Those bits that differ from the one before them.
    std::uint64_t changes = bits[word] ^ (bits[word] << 1 | (is_inside ? 1U : 0U));
    for (; changes != 0; changes &= changes - 1) {
      const std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(changes));
      if (is_inside) run(begin, at - begin);
      begin = at;
      is_inside = !is_inside;
    }
  }
  if (is_inside) run(begin, bits.size() * 64 - begin);
}

void set_bits(std::span<std::uint64_t> bits, std::size_t at, std::size_t count) {
  while (count > 0) {
    const std::size_t first = at % 64, here = std::min(count, 64 - first);
    bits[at / 64] |= (~std::uint64_t{0} >> (64 - here)) << first;
    at += here;
    count -= here;
  }
}

}  // namespace

Bytes frame_point() { return {kFrameKind}; }

Dictionary::Dictionary(std::size_t most)
    : most_(most), memory_(static_cast<std::byte*>(std::calloc(kMaxTablesSize + most, 1))) {
  if (memory_ == nullptr) throw std::bad_alloc();
}

void Dictionary::set(ByteView tables, std::size_t window_size) noexcept {
  check(tables.size() <= kMaxTablesSize && window_size <= most_, "a dictionary has room for its parts");
  tables_size_ = tables.size();
  window_size_ = window_size;
  copy_bytes(tables, {memory_.get() + kMaxTablesSize - tables_size_, tables_size_});
}

Result<const BlockPoint*> BlockPointReader::read(ByteView state) {
  if (state.empty() || (state.size() == 1 && state[0] == kFrameKind)) return nullptr;
  if (point_) clear_runs(runs_, std::exchange(number_of_runs_, 0), point_->dictionary.window());
  auto point = read_inside(state);
  if (!point) point_.reset();  // its window may have some of the runs
  return point;
}

std::size_t BlockPointReader::memory() const noexcept { return 2 * plain_.capacity(); }

Result<const BlockPoint*> BlockPointReader::read_inside(ByteView state) {
  const auto broken = [] { return fail(Errc::corrupt, "invalid state of a zstd access point"); };
  if (state[0] != kBlockKind) return broken();
  const ByteView packed = state.subspan(1);
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size > kMaxStateSize || size < sizeof(StateHeader)) return broken();  // errors are huge numbers
  if (plain_.size() < size) plain_ = Bytes(static_cast<std::size_t>(size));
  const auto plain = std::span(plain_).first(static_cast<std::size_t>(size));
  if (decompress(packed, plain) != plain.size()) return broken();
  ByteView rest = plain;
  const auto header = load_le<StateHeader>(rest);
  rest = rest.subspan(sizeof header);
  if (header.frame_window_size > kMaxPointWindow || header.window_size > header.frame_window_size ||
      header.tables_size > std::min(Dictionary::kMaxTablesSize, rest.size()) || header.has_checksum > 1)
    return broken();
  // Points near the front of a frame have smaller windows than those that follow.
  if (!point_ || point_->dictionary.most() < header.window_size)
    point_.emplace(BlockPoint{0, false, Dictionary(static_cast<std::size_t>(header.frame_window_size))});
  point_->window_size = header.frame_window_size;
  point_->has_checksum = header.has_checksum == 1;
  point_->dictionary.set(rest.first(header.tables_size), header.window_size);
  runs_ = rest.subspan(header.tables_size);
  if (!copy_runs(runs_, header.runs, point_->dictionary.window())) return broken();
  number_of_runs_ = header.runs;
  return &*point_;
}

std::size_t begin_at(ZSTD_DCtx* context, const BlockPoint& point) {
  std::size_t code = ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  if (ZSTD_isError(code)) return code;
  const ByteView dictionary = point.dictionary.bytes();
  code = ZSTD_DCtx_loadDictionary_byReference(context, dictionary.data(), dictionary.size());
  if (ZSTD_isError(code)) return code;
  const Bytes header = make_frame_header(point.window_size, kDictionaryId);
  ZSTD_inBuffer in{header.data(), header.size(), 0};
  ZSTD_outBuffer nowhere{nullptr, 0, 0};
  return ZSTD_decompressStream(context, &nowhere, &in);
}

BlockPointMaker::BlockPointMaker() : context_(make_decompression_context()) {}

// Copies the needed bytes to the window, which is zero, from the destinations of the matches, and notes them
// in needed_. Returns false if a match refers to bytes before the window, or two disagree.
bool BlockPointMaker::keep_copied(std::span<const Continuation> following) {
  const std::span<std::byte> window = point_->dictionary.window();
  needed_.assign(window.size() / 64 + 1, 0);
  const auto disagrees = [&](std::size_t at, std::byte byte) {
    return (needed_[at / 64] >> (at % 64) & 1) != 0 && window[at] != byte;
  };
  std::size_t begin = 0;  // of the chunk, from the point
  for (const auto& [chunk, matches] : following) {
    if (begin >= point_->window_size) break;
    for (const Match& match : matches) {
      const std::size_t to = begin + match.at;
      if (match.offset <= to) continue;
      const std::size_t before = match.offset - to;
      if (before > window.size()) return false;
      const std::size_t from = window.size() - before, size = std::min<std::size_t>(match.length, before);
      const ByteView bytes = chunk->bytes().subspan(match.at, size);
      if (disagrees(from, bytes.front()) || disagrees(from + size - 1, bytes.back())) return false;
      copy_bytes(bytes, window.subspan(from));
      set_bits(needed_, from, size);
    }
    begin += chunk->size;
  }
  return true;
}

// Decodes the first blocks from the point. Returns whether that gives their bytes.
bool BlockPointMaker::stands_trial(std::span<const Continuation> following) {
  if (ZSTD_isError(begin_at(context_.get(), *point_))) return false;
  decoded_.resize(Chunk::kCapacity);
  std::size_t tested = 0;
  bool is_right = true;
  for (auto next = following.begin(); is_right && next != following.end() && tested < kTrialSize; ++next) {
    const Chunk& chunk = *next->chunk;
    ZSTD_inBuffer in{chunk.blocks.data(), chunk.blocks.size(), 0};
    ZSTD_outBuffer to{decoded_.data(), chunk.size, 0};
    std::pair<std::size_t, std::size_t> before;
    do {
      before = {in.pos, to.pos};
      is_right = !ZSTD_isError(ZSTD_decompressStream(context_.get(), &to, &in));
    } while (is_right && (in.pos < in.size || to.pos < to.size) && before != std::pair(in.pos, to.pos));
    is_right = is_right && in.pos == in.size && to.pos == chunk.size &&
               std::memcmp(decoded_.data(), chunk.plain.get(), chunk.size) == 0;
    tested += chunk.size;
  }
  // The context must not refer to the dictionary any longer.
  ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
  return !ZSTD_isError(ZSTD_DCtx_loadDictionary(context_.get(), nullptr, 0)) && is_right;
}

Bytes BlockPointMaker::packed(ByteView tables) {
  const ByteView window = point_->dictionary.window();
  StateHeader header{.frame_window_size = point_->window_size,
                     .window_size = static_cast<std::uint32_t>(window.size()),
                     .tables_size = static_cast<std::uint32_t>(tables.size()),
                     .runs = 0,
                     .has_checksum = point_->has_checksum ? 1U : 0U};
  runs_.clear();
  for_each_run(needed_, [&](std::size_t at, std::size_t size) { runs_.add(at, window.subspan(at, size)); });
  header.runs = runs_.runs();
  plain_.clear();
  append(plain_, std::as_bytes(std::span(&header, 1)));
  append(plain_, tables);
  runs_.finish(plain_);
  return compressor_.compress(kBlockKind, plain_);
}

std::optional<Bytes> BlockPointMaker::make(const FrameHeader& frame, const EntropyState& entropy,
                                           std::uint64_t window_size,
                                           std::span<const Continuation> following) {
  for (const std::uint32_t offset : entropy.repeat_offsets)  // libzstd refuses other offsets in a dictionary
    if (offset == 0 || offset > window_size) return std::nullopt;
  const Bytes tables = dictionary_tables(entropy);
  if (tables.size() > Dictionary::kMaxTablesSize) return std::nullopt;
  if (!point_ || point_->dictionary.most() < window_size)
    point_.emplace(BlockPoint{0, false, Dictionary(static_cast<std::size_t>(window_size))});
  point_->window_size = frame.window_size;
  point_->has_checksum = frame.has_checksum;
  point_->dictionary.set(tables, static_cast<std::size_t>(window_size));
  std::optional<Bytes> state;
  if (keep_copied(following) && stands_trial(following)) state = packed(tables);
  const std::span<std::byte> window = point_->dictionary.window();
  for_each_run(needed_, [&](std::size_t at, std::size_t size) {
    std::ranges::fill(window.subspan(at, size), std::byte{0});
  });
  return state;
}

}  // namespace layoutfs::zstd
