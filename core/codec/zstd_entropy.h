// Finite state entropy tables of zstd (RFC 8878, 4.1): descriptions, decoding tables, and bit streams.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

inline constexpr unsigned kMaxAccuracyLog = 9;  // of all sequence tables
inline constexpr std::size_t kMaxSymbols = 64;

// The probability of each symbol in parts of 2^accuracy_log, which is their sum if -1 ("less than one")
// counts as 1.
struct Distribution {
  unsigned accuracy_log = 0;
  std::size_t symbols = 0;
  std::array<std::int16_t, kMaxSymbols> parts{};
};

// Limits for a kind of table (RFC 8878, 3.1.1.3.2.1).
struct TableLimits {
  unsigned accuracy_log;  // at most kMaxAccuracyLog
  std::size_t symbols;    // at most kMaxSymbols
};

// Parses the description at the start of `bytes` (RFC 8878, 4.1.1). Returns its size in bytes, nullopt if it
// is invalid.
std::optional<std::size_t> read_distribution(ByteView bytes, TableLimits limits, Distribution& out);

// Returns the description of `distribution` for read_distribution.
Bytes write_distribution(const Distribution& distribution);

// A symbol stands for a number: a baseline plus the value of this number of extra bits.
struct SymbolValue {
  std::uint32_t baseline;
  std::uint8_t extra_bits;
};

// A decoding table.
class StateTable {
 public:
  struct Cell {
    std::uint32_t baseline;  // of its symbol
    std::uint16_t next_base;
    std::uint16_t bits;  // for the next state, and 256 times the extra bits of its symbol
    unsigned next_bits() const noexcept { return bits & 255; }
    unsigned extra_bits() const noexcept { return bits >> 8; }
  };
  // Builds the table by RFC 8878, 4.1.1, from "Each symbol has its own set of states" on. `values` are those
  // of the symbols; without them they are 0.
  void build(const Distribution& distribution, std::span<const SymbolValue> values = {});
  // Builds a table with one state, which consumes no bits.
  void build_single(std::uint8_t symbol, std::span<const SymbolValue> values);

  unsigned accuracy_log() const noexcept { return accuracy_log_; }
  // `state` must be a state of this table.
  const Cell& operator[](std::uint32_t state) const noexcept { return cells_[state]; }
  std::uint8_t symbol(std::uint32_t state) const noexcept { return symbols_[state]; }

 private:
  static constexpr std::size_t kMaxStates = std::size_t{1} << kMaxAccuracyLog;
  unsigned accuracy_log_ = 0;
  std::array<Cell, kMaxStates> cells_{};
  std::array<std::uint8_t, kMaxStates> symbols_{};
};

// Removes the lowest `count` bits, at most 32, from `bits` and returns them.
inline std::uint32_t take_low(std::uint64_t& bits, unsigned count) noexcept {
  const std::uint64_t low = bits & ((std::uint64_t{1} << count) - 1);
  bits >>= count;
  return static_cast<std::uint32_t>(low);
}

// Reads bits from the end of a bitstream to its start (RFC 8878, 4.1, "bitstream").
class ReverseBits {
 public:
  // Bytes before the bitstream, which must be readable, and are read as far as one sequence overruns it.
  static constexpr std::size_t kPadding = 32;
  // Bits that are available at least after refill().
  static constexpr unsigned kRefilled = 57;

  // `padded` is the padding and the bitstream. The highest set bit of the last byte marks the end. Without
  // one, the reader has overrun from the start.
  explicit ReverseBits(ByteView padded) noexcept;
  // Precondition: the bits taken since the last check of has_overrun() are at most 8 * (kPadding - 16).
  void refill() noexcept {
    const std::size_t end = static_cast<std::size_t>(left_ + 7) / 8;
    std::memcpy(&word_, padded_ + end - sizeof word_, sizeof word_);
    word_ <<= end * 8 - static_cast<std::size_t>(left_);
  }
  // Returns the next `count` bits, at most kRefilled. Precondition: nothing was consumed since the last
  // refill.
  std::uint64_t peek(unsigned count) const noexcept { return word_ >> 1 >> (63 - count); }
  // After it, refill() is needed before peek().
  void consume(unsigned count) noexcept { left_ -= count; }
  // Undoes the consumption of the last `count` bits.
  void unconsume(unsigned count) noexcept { left_ += count; }
  // Returns whether all bits were taken, and none beyond.
  bool is_exhausted() const noexcept { return left_ == kPaddingBits; }
  bool has_overrun() const noexcept { return left_ < kPaddingBits; }

 private:
  static constexpr std::int64_t kPaddingBits = std::int64_t{kPadding} * 8;
  const std::byte* padded_;
  std::int64_t left_;       // remaining bits, including the padding
  std::uint64_t word_ = 0;  // the next bits, from the highest on
};

}  // namespace layoutfs::zstd
