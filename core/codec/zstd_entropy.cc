// Parses and writes table descriptions, and builds decoding tables from them.
#include "core/codec/zstd_entropy.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace layoutfs::zstd {
namespace {

constexpr unsigned kMinAccuracyLog = 5;

// Reads bits from the front, the lowest bit of a byte first; zeros after the end.
class ForwardBits {
 public:
  explicit ForwardBits(ByteView bytes) : bytes_(bytes) {}
  std::uint32_t peek(unsigned count) const {  // at most 16
    std::uint32_t word = 0;
    const std::size_t first = position_ / 8;
    if (first < bytes_.size())
      std::memcpy(&word, bytes_.data() + first, std::min(sizeof word, bytes_.size() - first));
    return word >> (position_ % 8) & ((1U << count) - 1);
  }
  std::uint32_t take(unsigned count) {
    const std::uint32_t value = peek(count);
    position_ += count;
    return value;
  }
  void skip(unsigned count) { position_ += count; }
  std::size_t bytes_taken() const { return (position_ + 7) / 8; }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
};

class BitWriter {
 public:
  void put(std::uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i, ++position_) {
      if (position_ % 8 == 0) bytes_.push_back(std::byte{0});
      bytes_.back() |= static_cast<std::byte>((value >> i & 1U) << (position_ % 8));
    }
  }
  Bytes take() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
};

// The code of a value from 0 to `remaining`: this number of bits, or one less if it is below `short_values`.
struct ValueCode {
  unsigned bits;
  std::uint32_t short_values;
};
ValueCode code_for(std::uint32_t remaining) {
  const auto bits = static_cast<unsigned>(std::bit_width(remaining));
  return {bits, (1U << bits) - 1 - remaining};
}

std::uint32_t taken_by(std::int16_t parts) { return parts < 0 ? 1U : static_cast<std::uint32_t>(parts); }

}  // namespace

std::optional<std::size_t> read_distribution(ByteView bytes, TableLimits limits, Distribution& out) {
  ForwardBits bits(bytes);
  out = {};
  out.accuracy_log = bits.take(4) + kMinAccuracyLog;
  if (out.accuracy_log > limits.accuracy_log) return std::nullopt;
  std::uint32_t remaining = (1U << out.accuracy_log) + 1;
  while (remaining > 1) {
    if (out.symbols >= limits.symbols) return std::nullopt;
    const ValueCode code = code_for(remaining);
    std::uint32_t value = bits.peek(code.bits - 1);
    if (value < code.short_values) {
      bits.skip(code.bits - 1);
    } else {
      value = bits.take(code.bits);
      if (value >= 1U << (code.bits - 1)) value -= code.short_values;
    }
    const auto parts = static_cast<std::int16_t>(static_cast<int>(value) - 1);
    out.parts[out.symbols++] = parts;
    remaining -= taken_by(parts);
    for (std::uint32_t zeros = parts == 0 ? 3 : 0; zeros == 3;) {
      zeros = bits.take(2);
      out.symbols += zeros;
      if (out.symbols >= limits.symbols) return std::nullopt;
    }
  }
  if (bits.bytes_taken() > bytes.size()) return std::nullopt;
  return bits.bytes_taken();
}

Bytes write_distribution(const Distribution& distribution) {
  BitWriter bits;
  bits.put(distribution.accuracy_log - kMinAccuracyLog, 4);
  std::uint32_t remaining = (1U << distribution.accuracy_log) + 1;
  for (std::size_t symbol = 0; remaining > 1;) {
    const std::int16_t parts = distribution.parts[symbol++];
    const auto value = static_cast<std::uint32_t>(parts + 1);
    const ValueCode code = code_for(remaining);
    if (value < code.short_values)
      bits.put(value, code.bits - 1);
    else
      bits.put(value >= 1U << (code.bits - 1) ? value + code.short_values : value, code.bits);
    remaining -= taken_by(parts);
    if (parts != 0) continue;
    std::uint32_t zeros = 0;
    while (distribution.parts[symbol + zeros] == 0) ++zeros;
    symbol += zeros;
    for (; zeros >= 3; zeros -= 3) bits.put(3, 2);
    bits.put(zeros, 2);
  }
  return std::move(bits).take();
}

void StateTable::build(const Distribution& distribution, std::span<const SymbolValue> values) {
  accuracy_log_ = distribution.accuracy_log;
  const std::uint32_t size = 1U << accuracy_log_;
  std::array<std::uint32_t, kMaxSymbols> next{};
  std::uint32_t end = size;  // cells from here on belong to symbols of "less than one" part
  for (std::size_t symbol = 0; symbol < distribution.symbols; ++symbol) {
    next[symbol] = taken_by(distribution.parts[symbol]);
    if (distribution.parts[symbol] < 0) symbols_[--end] = static_cast<std::uint8_t>(symbol);
  }
  const std::uint32_t step = (size >> 1) + (size >> 3) + 3;
  std::uint32_t position = 0;
  for (std::size_t symbol = 0; symbol < distribution.symbols; ++symbol) {
    for (std::int16_t i = 0; i < distribution.parts[symbol]; ++i) {
      symbols_[position] = static_cast<std::uint8_t>(symbol);
      do {
        position = (position + step) & (size - 1);
      } while (position >= end);
    }
  }
  for (std::uint32_t state = 0; state < size; ++state) {
    const std::uint8_t symbol = symbols_[state];
    const std::uint32_t number = next[symbol]++;
    const unsigned bits = accuracy_log_ + 1 - static_cast<unsigned>(std::bit_width(number));
    const SymbolValue value = symbol < values.size() ? values[symbol] : SymbolValue{0, 0};
    cells_[state] = {value.baseline, static_cast<std::uint16_t>((number << bits) - size),
                     static_cast<std::uint16_t>(bits | unsigned{value.extra_bits} << 8)};
  }
}

void StateTable::build_single(std::uint8_t symbol, std::span<const SymbolValue> values) {
  accuracy_log_ = 0;
  symbols_[0] = symbol;
  cells_[0] = {values[symbol].baseline, 0, static_cast<std::uint16_t>(values[symbol].extra_bits << 8)};
}

ReverseBits::ReverseBits(ByteView padded) noexcept : padded_(padded.data()), left_(kPaddingBits - 1) {
  const auto last = padded.size() <= kPadding ? 0U : std::to_integer<unsigned>(padded.back());
  if (last == 0) return;
  left_ = static_cast<std::int64_t>(padded.size() - 1) * 8 + std::bit_width(last) - 1;
}

}  // namespace layoutfs::zstd
