// Walks over the sections of a compressed block, and over the sequences as far as repeat offsets need them.
#include "core/codec/zstd_walker.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <span>
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
static_assert(31 <= ReverseBits::kRefilled && 16 + 16 <= ReverseBits::kRefilled &&
              9 + 9 + 8 <= ReverseBits::kRefilled);

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

// RFC 8878, 3.1.1.5: values up to 3 refer to an earlier offset. For offsets that are all known. Returns false
// if the result is 0.
[[gnu::always_inline]] inline bool follow_known_offset(std::array<std::uint32_t, 3>& recent,
                                                       std::uint32_t offset_value, bool has_no_literals) {
  // Arithmetic, because a compiler would make branches, which are not predictable.
  const auto either = [](bool is_first, std::uint32_t first, std::uint32_t second) {
    return second ^ ((first ^ second) & (0U - static_cast<std::uint32_t>(is_first)));
  };
  const bool is_new = offset_value > 3;
  const std::uint32_t index = offset_value - 1 + (has_no_literals ? 1 : 0);
  std::uint32_t offset = recent[0] - (index == 3 ? 1 : 0);
  offset = either(index == 1, recent[1], offset);
  offset = either(index == 2, recent[2], offset);
  offset = either(is_new, offset_value - 3, offset);
  recent[2] = either(index > 1, recent[1], recent[2]);
  recent[1] = either(index > 0, recent[0], recent[1]);
  recent[0] = offset;
  return offset != 0;
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
// access points: everything is in local variables, and there is no branch that depends on the kind of a
// sequence. Values that are out of range are only noted in `is_wrong`; nothing is indexed by them.
LAYOUTFS_WITH_BMI2 std::optional<std::size_t> BlockWalker::follow_bitstream(std::vector<Match>* matches,
                                                                            std::int64_t reach) {
  const StateTable& literal_states = literal_lengths_.states;
  const StateTable& offset_states = offsets_.states;
  const StateTable& match_states = match_lengths_.states;
  const bool are_offsets_known = knows_repeat_offsets();
  const std::size_t first_match = matches == nullptr ? 0 : matches->size();
  // A place for each sequence; those that are not wanted are overwritten by the next one.
  Match ignored[1];
  if (matches != nullptr) matches->resize(first_match + sequences_.count);
  Match* next = matches == nullptr ? ignored : matches->data() + first_match;
  const std::int64_t least_offset = matches == nullptr ? std::numeric_limits<std::int64_t>::max() : reach;

  ReverseBits bits(sequences_.bitstream);
  bits.refill();
  const unsigned literal_log = literal_states.accuracy_log(), offset_log = offset_states.accuracy_log(),
                 match_log = match_states.accuracy_log();
  std::uint32_t literal_state = bits.peek(0, literal_log);
  std::uint32_t offset_state = bits.peek(literal_log, offset_log);
  std::uint32_t match_state = bits.peek(literal_log + offset_log, match_log);
  bits.consume(literal_log + offset_log + match_log);
  RepeatOffsets recent = repeat_offsets_;
  std::size_t literals = 0;
  std::size_t matched = 0;
  bool is_wrong = false;
  for (std::size_t left = sequences_.count; left > 0; --left) {
    const StateTable::Cell literal = literal_states[literal_state];
    const StateTable::Cell offset = offset_states[offset_state];
    const StateTable::Cell match = match_states[match_state];
    // The bits of the sequence, and then those of the next states.
    const unsigned lengths_at = offset.extra_bits, literal_at = lengths_at + match.extra_bits;
    const unsigned values_end = literal_at + literal.extra_bits;
    const unsigned states_end = values_end + literal.next_bits + match.next_bits + offset.next_bits;
    bits.refill();
    const std::uint32_t offset_value = offset.baseline + bits.peek(0, offset.extra_bits);
    unsigned states_at = values_end;
    std::uint32_t match_length = match.baseline, literal_length = literal.baseline;
    if (states_end <= ReverseBits::kRefilled) [[likely]] {
      match_length += bits.peek(lengths_at, match.extra_bits);
      literal_length += bits.peek(literal_at, literal.extra_bits);
    } else {
      bits.consume(lengths_at);
      bits.refill();
      match_length += bits.peek(0, match.extra_bits);
      literal_length += bits.peek(match.extra_bits, literal.extra_bits);
      bits.consume(values_end - lengths_at);
      if (bits.has_overrun()) return std::nullopt;
      bits.refill();
      states_at = 0;
    }
    if (left > 1) {
      literal_state = literal.next_base + bits.peek(states_at, literal.next_bits);
      match_state = match.next_base + bits.peek(states_at + literal.next_bits, match.next_bits);
      offset_state =
          offset.next_base + bits.peek(states_at + literal.next_bits + match.next_bits, offset.next_bits);
      bits.consume(states_at + states_end - values_end);
    } else {
      bits.consume(states_at);
    }
    if (bits.has_overrun()) return std::nullopt;
    if (are_offsets_known)
      is_wrong |= !follow_known_offset(recent, offset_value, literal_length == 0);
    else if (!follow_offset(recent, offset_value, literal_length == 0))
      return std::nullopt;
    literals += literal_length;
    const std::size_t at = literals + matched;
    matched += match_length;
    *next = {static_cast<std::uint32_t>(at), recent[0], match_length};
    next += std::int64_t{recent[0]} - static_cast<std::int64_t>(at) > least_offset ? 1 : 0;
    is_wrong |= recent[0] > window_size_;
  }
  repeat_offsets_ = recent;
  if (matches != nullptr) matches->resize(static_cast<std::size_t>(next - matches->data()));
  // There are at most 2^17 sequences, so the sums did not overflow.
  if (is_wrong || !bits.is_exhausted() || literals > sequences_.literals_size ||
      sequences_.literals_size + matched > kMaxBlockSize)
    return std::nullopt;
  return sequences_.literals_size + matched;
}

// Like follow_known_offset, for offsets of which some are 0 because they are not known.
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
