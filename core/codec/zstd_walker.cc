// Walks over the sections of a compressed block, and over the sequences as far as repeat offsets need them.
#include "core/codec/zstd_walker.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

// Shifts by a variable are faster with BMI2; the program chooses when it starts.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)
#define LAYOUTFS_WITH_BMI2 [[gnu::target_clones("default", "arch=x86-64-v3")]]
#else
#define LAYOUTFS_WITH_BMI2
#endif

namespace layoutfs::zstd {
namespace {

constexpr std::size_t kLiteralLengthCodes = 36;
constexpr std::size_t kMatchLengthCodes = 53;
constexpr std::size_t kOffsetCodes = 32;

// A length code is a baseline plus a number of extra bits (RFC 8878, 3.1.1.3.2.1.1); each baseline is the end
// of the preceding code.
template <std::size_t N>
constexpr std::array<SymbolValue, N> length_codes(std::uint32_t first,
                                                  const std::array<std::uint8_t, N>& bits) {
  std::array<SymbolValue, N> codes{};
  for (std::size_t code = 0; code < N; ++code) {
    codes[code] = {first, bits[code]};
    first += 1U << bits[code];
  }
  return codes;
}
constexpr auto kLiteralLengthValues =
    length_codes<kLiteralLengthCodes>(0, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  1,  1,
                                          1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
constexpr auto kMatchLengthValues = length_codes<kMatchLengthCodes>(
    3, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0, 0,
        0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
static_assert(kLiteralLengthValues.back().baseline == 65536 && kMatchLengthValues.back().baseline == 65539);
static_assert(31 + 16 <= ReverseBits::kRefilled && 16 + 9 + 9 + 8 <= ReverseBits::kRefilled);

// An offset code is its number of bits, and the highest one is a one.
constexpr auto kOffsetValues = [] {
  std::array<SymbolValue, kOffsetCodes> codes{};
  for (std::size_t code = 0; code < kOffsetCodes; ++code)
    codes[code] = {std::uint32_t{1} << code, static_cast<std::uint8_t>(code)};
  return codes;
}();

constexpr Distribution distribution_of(unsigned accuracy_log, std::initializer_list<std::int16_t> parts) {
  Distribution distribution;
  distribution.accuracy_log = accuracy_log;
  distribution.symbols = parts.size();
  std::copy(parts.begin(), parts.end(), distribution.parts.begin());
  return distribution;
}

// Removes `count` bytes from the start of `rest`.
std::optional<ByteView> take(ByteView& rest, std::size_t count) {
  if (count > rest.size()) return std::nullopt;
  const ByteView front = rest.first(count);
  rest = rest.subspan(count);
  return front;
}

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

// Returns the size of a Huffman tree description by its first byte (RFC 8878, 4.2.1.1).
std::size_t huffman_description_size(std::byte first) {
  const auto header = std::to_integer<std::size_t>(first);
  return header < 128 ? 1 + header : 1 + (header - 127 + 1) / 2;
}

// RFC 8878, 3.1.1.3.1.1.
struct LiteralsHeader {
  enum Type : std::uint8_t { raw, rle, compressed, treeless } type;
  std::size_t regenerated_size;
  std::size_t stored_size;
};

std::optional<LiteralsHeader> read_literals_header(ByteView& rest) {
  if (rest.empty()) return std::nullopt;
  const auto first = std::to_integer<unsigned>(rest[0]);
  const unsigned format = first >> 2 & 3;
  LiteralsHeader header{static_cast<LiteralsHeader::Type>(first & 3), 0, 0};
  if (header.type == LiteralsHeader::raw || header.type == LiteralsHeader::rle) {
    const auto field = take(rest, format == 1 ? 2 : format == 3 ? 3 : 1);
    if (!field) return std::nullopt;
    header.regenerated_size = little_endian(*field) >> (format % 2 == 0 ? 3 : 4);
    header.stored_size = header.type == LiteralsHeader::raw ? header.regenerated_size : 1;
  } else {
    const auto field = take(rest, format == 3 ? 5 : format == 2 ? 4 : 3);
    if (!field) return std::nullopt;
    const unsigned size_bits = format == 3 ? 18 : format == 2 ? 14 : 10;
    const std::uint64_t mask = (std::uint64_t{1} << size_bits) - 1;
    header.regenerated_size = little_endian(*field) >> 4 & mask;
    header.stored_size = little_endian(*field) >> (4 + size_bits) & mask;
  }
  if (header.regenerated_size > kMaxBlockSize) return std::nullopt;
  return header;
}

// RFC 8878, 3.1.1.3.2.1, the first field.
std::optional<std::size_t> read_sequence_count(ByteView& rest) {
  const auto first = take(rest, 1);
  if (!first) return std::nullopt;
  const auto value = static_cast<std::size_t>(little_endian(*first));
  if (value < 128) return value;
  const auto more = take(rest, value == 255 ? 2 : 1);
  if (!more) return std::nullopt;
  const auto added = static_cast<std::size_t>(little_endian(*more));
  const std::size_t count = value == 255 ? added + 0x7F00 : ((value - 128) << 8) + added;
  if (count == 0) return std::nullopt;  // a longer encoding of 0, which decoders interpret differently
  return count;
}

}  // namespace

struct BlockWalker::Kind {
  TableLimits limits;
  std::span<const SymbolValue> values;
  Distribution predefined;  // RFC 8878, 3.1.1.3.2.2
};
constinit const BlockWalker::Kind BlockWalker::kLiteralLengths = {
    {9, kLiteralLengthCodes},
    kLiteralLengthValues,
    distribution_of(6, {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                        2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1})};
constinit const BlockWalker::Kind BlockWalker::kOffsets = {
    {8, kOffsetCodes}, kOffsetValues, distribution_of(5, {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                                          1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1})};
constinit const BlockWalker::Kind BlockWalker::kMatchLengths = {
    {9, kMatchLengthCodes},
    kMatchLengthValues,
    distribution_of(6,
                    {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1})};

BlockWalker::BlockWalker(std::uint64_t window_size) : window_size_(window_size) {
  set_predefined(literal_lengths_, kLiteralLengths);
  set_predefined(offsets_, kOffsets);
  set_predefined(match_lengths_, kMatchLengths);
}

bool BlockWalker::follow(const BlockHeader& header, ByteView content) {
  has_last_sequences_ = false;
  last_size_ = header.regenerated_size;
  if (header.type != BlockType::compressed) return true;
  ByteView rest = content;
  last_size_ = follow_literals(rest);
  return last_size_ && follow_sequences(rest, *last_size_);
}

std::optional<std::size_t> BlockWalker::last_size() {
  if (has_last_sequences_) read_sequences(nullptr);
  return last_size_;
}

bool BlockWalker::knows_repeat_offsets() const noexcept {
  return std::ranges::find(repeat_offsets_, 0U) == repeat_offsets_.end();
}

std::optional<std::size_t> BlockWalker::last_matches(std::vector<Match>& matches, std::int64_t reach) {
  if (has_last_sequences_) {
    if (sequences_.is_read || !knows_repeat_offsets()) return std::nullopt;
    read_sequences(&matches, reach);
  }
  return last_size_;
}

std::optional<EntropyState> BlockWalker::state() {
  read_sequences(nullptr);
  if (!knows_repeat_offsets()) return std::nullopt;
  if (literal_lengths_.description.empty() || offsets_.description.empty() ||
      match_lengths_.description.empty())
    return std::nullopt;
  return EntropyState{huffman_, literal_lengths_.description, offsets_.description,
                      match_lengths_.description, repeat_offsets_};
}

void BlockWalker::set_predefined(Table& table, const Kind& kind) {
  table.description = write_distribution(kind.predefined);
  table.states.build(kind.predefined, kind.values);
}

bool BlockWalker::read_table(Table& table, const Kind& kind, Mode mode, ByteView& rest) {
  switch (mode) {
    case Mode::predefined:
      set_predefined(table, kind);
      return true;
    case Mode::single: {
      const auto symbol = take(rest, 1);
      if (!symbol || std::to_integer<std::size_t>((*symbol)[0]) >= kind.limits.symbols) return false;
      table.description.clear();
      table.states.build_single(std::to_integer<std::uint8_t>((*symbol)[0]), kind.values);
      return true;
    }
    case Mode::described: {
      Distribution distribution;
      const auto size = read_distribution(rest, kind.limits, distribution);
      if (!size) return false;
      const ByteView description = *take(rest, *size);
      table.description.assign(description.begin(), description.end());
      table.states.build(distribution, kind.values);
      return true;
    }
    case Mode::repeat:
      return true;
  }
  return false;
}

std::optional<std::size_t> BlockWalker::follow_literals(ByteView& rest) {
  const auto header = read_literals_header(rest);
  if (!header) return std::nullopt;
  const auto stored = take(rest, header->stored_size);
  if (!stored) return std::nullopt;
  if (header->type == LiteralsHeader::compressed) {
    if (stored->empty() || huffman_description_size(stored->front()) > stored->size()) return std::nullopt;
    const ByteView description = stored->first(huffman_description_size(stored->front()));
    huffman_.assign(description.begin(), description.end());
  }
  return header->regenerated_size;
}

bool BlockWalker::follow_sequences(ByteView rest, std::size_t literals_size) {
  const auto count = read_sequence_count(rest);
  if (!count) return false;
  if (*count == 0) return rest.empty();
  if (!sequences_.is_read) repeat_offsets_ = {};
  const auto byte = take(rest, 1);
  if (!byte) return false;
  const auto modes = std::to_integer<unsigned>((*byte)[0]);
  const auto mode_at = [modes](unsigned shift) { return static_cast<Mode>(modes >> shift & 3); };
  if ((modes & 3) != 0 || !read_table(literal_lengths_, kLiteralLengths, mode_at(6), rest) ||
      !read_table(offsets_, kOffsets, mode_at(4), rest) ||
      !read_table(match_lengths_, kMatchLengths, mode_at(2), rest))
    return false;
  sequences_.bitstream.assign(ReverseBits::kPadding, std::byte{0});
  sequences_.bitstream.insert(sequences_.bitstream.end(), rest.begin(), rest.end());
  sequences_.count = *count;
  sequences_.literals_size = literals_size;
  sequences_.is_read = false;
  has_last_sequences_ = true;
  return true;
}

void BlockWalker::read_sequences(std::vector<Match>* matches, std::int64_t reach) {
  if (std::exchange(sequences_.is_read, true)) return;
  const auto size = follow_bitstream(matches, reach);
  if (!size) repeat_offsets_ = {};
  if (has_last_sequences_) last_size_ = size;
}

// The order of the bits is that of RFC 8878, 3.1.1.3.2.1.2. This loop is most of the work of a search for
// access points: everything is in local variables, and all bits of a sequence are taken from the input at
// once, the last ones first. Values that are out of range are only noted as `wrong`; nothing is indexed by
// them.
LAYOUTFS_WITH_BMI2 std::optional<std::size_t> BlockWalker::follow_bitstream(std::vector<Match>* matches,
                                                                            std::int64_t reach) {
  const StateTable& literal_states = literal_lengths_.states;
  const StateTable& offset_states = offsets_.states;
  const StateTable& match_states = match_lengths_.states;
  const bool are_offsets_known = knows_repeat_offsets();
  // A place for each sequence; those that are not wanted are overwritten by the next one.
  if (kept_.size() < sequences_.count) kept_.resize(sequences_.count);
  Match* next = kept_.data();
  const std::int64_t least_offset = matches == nullptr ? std::numeric_limits<std::int64_t>::max() : reach;
  const auto window_size = static_cast<std::int64_t>(window_size_);

  ReverseBits bits(sequences_.bitstream);
  bits.refill();
  const unsigned offset_log = offset_states.accuracy_log(), match_log = match_states.accuracy_log();
  const unsigned states_log = literal_states.accuracy_log() + offset_log + match_log;
  std::uint64_t fields = bits.peek(states_log);
  std::uint32_t match_state = take_low(fields, match_log);
  std::uint32_t offset_state = take_low(fields, offset_log);
  auto literal_state = static_cast<std::uint32_t>(fields);
  bits.consume(states_log);
  auto [recent0, recent1, recent2] = repeat_offsets_;
  std::size_t literals = 0, at = 0;
  unsigned states_bits = 0;
  std::int64_t wrong = 0;  // negative if something is
  for (std::size_t left = sequences_.count; left > 0; --left) {
    if (bits.has_overrun()) return std::nullopt;
    const StateTable::Cell literal = literal_states[literal_state];
    const StateTable::Cell offset = offset_states[offset_state];
    const StateTable::Cell match = match_states[match_state];
    // The bits of the offset, the match length and the literal length, and then those of the next states:
    // literal length, match length, offset. The last sequence has no next states; the bits that are read in
    // their place are given back.
    const unsigned sums = unsigned{literal.bits} + offset.bits + match.bits;
    states_bits = sums & 255;
    const unsigned all_bits = states_bits + (sums >> 8);
    bits.refill();
    std::uint32_t offset_value = offset.baseline, match_length = match.baseline;
    unsigned match_bits = match.extra_bits();
    if (all_bits <= ReverseBits::kRefilled) [[likely]] {
      fields = bits.peek(all_bits);
    } else {
      const unsigned first_bits = offset.extra_bits() + std::exchange(match_bits, 0);
      fields = bits.peek(first_bits);
      match_length += take_low(fields, match.extra_bits());
      offset_value += static_cast<std::uint32_t>(fields);
      bits.consume(first_bits);
      if (bits.has_overrun()) return std::nullopt;
      bits.refill();
      fields = bits.peek(all_bits - first_bits);
      bits.unconsume(first_bits);
    }
    bits.consume(all_bits);
    offset_state = offset.next_base + take_low(fields, offset.next_bits());
    match_state = match.next_base + take_low(fields, match.next_bits());
    literal_state = literal.next_base + take_low(fields, literal.next_bits());
    const std::uint32_t literal_length = literal.baseline + take_low(fields, literal.extra_bits());
    match_length += take_low(fields, match_bits);
    offset_value += static_cast<std::uint32_t>(fields);
    // RFC 8878, 3.1.1.5: values up to 3 refer to an earlier offset.
    if (are_offsets_known) [[likely]] {
      const std::uint32_t index = offset_value - 1 + (literal_length == 0 ? 1 : 0);
      std::uint32_t found = index == 3 ? recent0 - 1 : recent0;
      found = index == 1 ? recent1 : found;
      found = index == 2 ? recent2 : found;
      found = offset_value > 3 ? offset_value - 3 : found;
      recent2 = index > 1 ? recent1 : recent2;
      recent1 = index > 0 ? recent0 : recent1;
      recent0 = found;
      wrong |= std::int64_t{found} - 1;
    } else {
      RepeatOffsets recent{recent0, recent1, recent2};
      if (!follow_offset(recent, offset_value, literal_length == 0)) return std::nullopt;
      std::tie(recent0, recent1, recent2) = std::tie(recent[0], recent[1], recent[2]);
    }
    wrong |= window_size - std::int64_t{recent0};
    literals += literal_length;
    at += literal_length;
    *next = {static_cast<std::uint32_t>(at), recent0, match_length};
    next += std::int64_t{recent0} - static_cast<std::int64_t>(at) > least_offset ? 1 : 0;
    at += match_length;
  }
  bits.unconsume(states_bits);
  repeat_offsets_ = {recent0, recent1, recent2};
  if (matches != nullptr) matches->insert(matches->end(), kept_.data(), next);
  // There are at most 2^17 sequences, so the sums did not overflow.
  const std::size_t size = sequences_.literals_size - literals + at;
  if (wrong < 0 || !bits.is_exhausted() || literals > sequences_.literals_size || size > kMaxBlockSize)
    return std::nullopt;
  return size;
}

// For offsets of which some are 0 because they are not known. Returns false if the result is 0 although it is
// known.
bool BlockWalker::follow_offset(RepeatOffsets& recent, std::uint32_t offset_value, bool has_no_literals) {
  if (offset_value > 3) {
    recent = {offset_value - 3, recent[0], recent[1]};
    return true;
  }
  const std::size_t index = offset_value - 1 + (has_no_literals ? 1 : 0);
  if (index == 0) return true;
  const bool is_known = recent[index % 3] != 0;
  const std::uint32_t offset = index < 3 || !is_known ? recent[index % 3] : recent[0] - 1;
  if (offset == 0 && is_known) return false;
  if (index > 1) recent[2] = recent[1];
  recent[1] = recent[0];
  recent[0] = offset;
  return true;
}

}  // namespace layoutfs::zstd
