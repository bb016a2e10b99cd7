// Tests every bit, with the cheapest test first:
//   - three bits of the block's type, and the two counts of codes: 48 positions at once, by shifts
//   - the code of code lengths must be complete: four lengths at once, by a table
//   - the code lengths must have no repetition without a first one, and end exactly where the counts say
//   - the codes of literals and distances must be complete, and the end of the block must have a code
#include "core/codec/deflate_block_finder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace layoutfs {
namespace {

// RFC 1951, 3.2.7.
constexpr std::array<std::uint8_t, 19> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
constexpr unsigned kFixedHeaderBits = 17;  // up to HCLEN
constexpr unsigned kMostCodes = 286 + 30;
constexpr unsigned kEndOfBlock = 256;
constexpr unsigned kLongestPrecode = 7, kLongestCode = 15;

// Reads bits of memory; those after its end are zero.
class Bits {
 public:
  explicit Bits(ByteView bytes) : bytes_(bytes) {}

  // Returns the 57 or more bits from `position` on.
  std::uint64_t at(std::uint64_t position) const noexcept {
    const auto byte = static_cast<std::size_t>(position / 8);
    std::uint64_t word = 0;
    if (byte + sizeof word <= bytes_.size())
      word = load_le<std::uint64_t>(bytes_, byte);
    else if (byte < bytes_.size())
      std::memcpy(&word, bytes_.data() + byte, bytes_.size() - byte);
    return word >> (position % 8);
  }
  std::uint64_t size() const noexcept { return bytes_.size() * std::uint64_t{8}; }

 private:
  ByteView bytes_;
};

constexpr std::uint64_t low_bits(unsigned count) noexcept { return (std::uint64_t{1} << count) - 1; }

// The number of positions that possible_starts tests at once.
constexpr unsigned kTested = 44;

// Returns a bit for each of kTested positions at which BFINAL is 0, BTYPE is 2, and HLIT and HDIST are at
// most 29 (286 and 30 codes).
std::uint64_t possible_starts(std::uint64_t w) noexcept {
  const std::uint64_t many_literals = w >> 4 & w >> 5 & w >> 6 & w >> 7;
  const std::uint64_t many_distances = w >> 9 & w >> 10 & w >> 11 & w >> 12;
  return ~w & ~(w >> 1) & w >> 2 & ~many_literals & ~many_distances & low_bits(kTested);
}
static_assert(kTested + 13 <= 57);

// The part of the code space that four code lengths of three bits use, in 128ths.
constexpr auto kSpaceOfFour = [] {
  std::array<std::uint16_t, 4096> table{};
  for (std::size_t four = 0; four < table.size(); ++four)
    for (unsigned i = 0; i < 4; ++i)
      if (const auto length = four >> (3 * i) & 7; length > 0)
        table[four] = static_cast<std::uint16_t>(table[four] + (128 >> length));
  return table;
}();

bool is_complete_precode(std::uint64_t lengths) noexcept {
  unsigned space = 0;
  for (unsigned i = 0; i < 5; ++i) space += kSpaceOfFour[lengths >> (12 * i) & 4095];
  return space == 128;
}

// Decodes the code of code lengths: of the next seven bits, the symbol and its length.
class Precode {
 public:
  // Precondition: is_complete_precode(lengths).
  explicit Precode(std::uint64_t lengths) noexcept {
    std::array<unsigned, kLongestPrecode + 2> next{};
    std::array<std::uint8_t, kOrder.size()> length_of{};
    for (std::size_t i = 0; i < kOrder.size(); ++i) {
      const auto length = static_cast<std::uint8_t>(lengths >> (3 * i) & 7);
      length_of[kOrder[i]] = length;
      if (length > 0) ++next[length + 1];
    }
    for (unsigned length = 1; length <= kLongestPrecode; ++length)
      next[length + 1] = (next[length + 1] + next[length]) << 1;
    for (std::uint8_t symbol = 0; symbol < kOrder.size(); ++symbol)
      if (const unsigned length = length_of[symbol]; length > 0) add(symbol, length, next[length]++);
  }

  struct Code {
    std::uint8_t symbol, length;
  };
  Code of(std::uint64_t bits) const noexcept { return table_[bits & low_bits(kLongestPrecode)]; }

 private:
  void add(std::uint8_t symbol, unsigned length, unsigned code) noexcept {
    unsigned reversed = 0;
    for (unsigned i = 0; i < length; ++i) reversed |= (code >> i & 1) << (length - 1 - i);
    for (unsigned i = reversed; i < table_.size(); i += 1U << length)
      table_[i] = {symbol, static_cast<std::uint8_t>(length)};
  }

  std::array<Code, 1 << kLongestPrecode> table_;
};

// Returns whether the lengths use all of the code space. `or_one`: or are a single code of one bit, or none.
bool is_complete(std::span<const std::uint8_t> lengths, bool or_one) noexcept {
  unsigned space = 0, codes = 0;
  for (const std::uint8_t length : lengths) {
    if (length == 0) continue;
    space += (1U << kLongestCode) >> length;
    ++codes;
  }
  constexpr unsigned kAll = 1U << kLongestCode;
  return space == kAll || (or_one && (codes == 0 || (codes == 1 && space == kAll / 2)));
}

unsigned precodes_of(std::uint64_t front) noexcept { return static_cast<unsigned>(front >> 13 & 15) + 4; }

std::uint64_t precode_lengths_at(const Bits& bits, std::uint64_t position) noexcept {
  return bits.at(position + kFixedHeaderBits) & low_bits(3 * precodes_of(bits.at(position)));
}

// Precondition: the precode is complete.
bool is_dynamic_header(const Bits& bits, std::uint64_t position) noexcept {
  const std::uint64_t front = bits.at(position);
  const Precode precode(precode_lengths_at(bits, position));
  position += kFixedHeaderBits + 3 * precodes_of(front);
  const unsigned literals = static_cast<unsigned>(front >> 3 & 31) + 257;
  const unsigned codes = literals + static_cast<unsigned>(front >> 8 & 31) + 1;
  std::array<std::uint8_t, kMostCodes> lengths;
  for (unsigned count = 0; count < codes;) {
    const std::uint64_t word = bits.at(position);
    const auto [symbol, length] = precode.of(word);
    position += length;
    if (symbol <= kLongestCode) {
      lengths[count++] = symbol;
      continue;
    }
    const std::uint64_t extra = word >> length;
    unsigned repeat = 0;
    std::uint8_t value = 0;
    if (symbol == 16) {
      if (count == 0) return false;
      value = lengths[count - 1];
      repeat = 3 + static_cast<unsigned>(extra & 3);
      position += 2;
    } else if (symbol == 17) {
      repeat = 3 + static_cast<unsigned>(extra & 7);
      position += 3;
    } else {
      repeat = 11 + static_cast<unsigned>(extra & 127);
      position += 7;
    }
    if (repeat > codes - count) return false;
    std::fill_n(lengths.begin() + count, repeat, value);
    count += repeat;
  }
  const auto all = std::span(lengths).first(codes);
  return position <= bits.size() && lengths[kEndOfBlock] != 0 && is_complete(all.first(literals), false) &&
         is_complete(all.subspan(literals), true);
}

}  // namespace

std::optional<std::uint64_t> find_dynamic_block(ByteView bytes, std::uint64_t from, std::uint64_t to) {
  const Bits bits(bytes);
  to = std::min(to, bits.size());
  std::size_t tested = 0;
  for (std::uint64_t base = from; base < to; base += kTested) {
    for (std::uint64_t left = possible_starts(bits.at(base)); left != 0; left &= left - 1) {
      const std::uint64_t position = base + static_cast<unsigned>(std::countr_zero(left));
      if (position >= to) break;
      if (!is_complete_precode(precode_lengths_at(bits, position))) continue;
      if (is_dynamic_header(bits, position)) return position;
      if (++tested == kMostHeadersTested) return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace layoutfs
