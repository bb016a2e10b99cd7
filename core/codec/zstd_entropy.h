// Finite state entropy tables of zstd (RFC 8878, 4.1): descriptions, decoding tables, and bit streams.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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

// A decoding table.
class StateTable {
 public:
  struct Cell {
    std::uint16_t next_base;
    std::uint8_t next_bits;
    std::uint8_t symbol;
  };
  // Builds the table by RFC 8878, 4.1.1, from "Each symbol has its own set of states" on.
  void build(const Distribution& distribution);
  // Builds a table with one state, which consumes no bits.
  void build_single(std::uint8_t symbol);

  unsigned accuracy_log() const noexcept { return accuracy_log_; }
  // `state` must be a state of this table.
  const Cell& operator[](std::uint32_t state) const noexcept { return cells_[state]; }

 private:
  unsigned accuracy_log_ = 0;
  std::array<Cell, std::size_t{1} << kMaxAccuracyLog> cells_{};
};

// Reads bits from the end of `bytes` to its start (RFC 8878, 4.1, "bitstream").
class ReverseBits {
 public:
  // The highest set bit of the last byte marks the end. Without one, the reader has overrun from the start.
  explicit ReverseBits(ByteView bytes) noexcept;
  // Returns the next `count` bits, at most 32; 0 if fewer are left.
  std::uint32_t take(unsigned count) noexcept {
    left_ -= count;
    if (left_ < 0) return 0;
    const auto first = static_cast<std::size_t>(left_) / 8;
    std::uint64_t word = 0;
    if (bytes_.size() - first >= sizeof word)
      std::memcpy(&word, bytes_.data() + first, sizeof word);
    else
      std::memcpy(&word, bytes_.data() + first, bytes_.size() - first);
    return static_cast<std::uint32_t>(word >> (left_ % 8) & ((std::uint64_t{1} << count) - 1));
  }
  // Returns whether all bits were taken, and none beyond.
  bool is_exhausted() const noexcept { return left_ == 0; }
  bool has_overrun() const noexcept { return left_ < 0; }

 private:
  ByteView bytes_;
  std::int64_t left_;  // remaining bits
};

}  // namespace layoutfs::zstd
