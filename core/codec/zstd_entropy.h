// Finite state entropy tables of zstd (RFC 8878, 4.1): their descriptions, the tables themselves, and the
// bits that they decode.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

inline constexpr unsigned kMaxAccuracyLog = 9;  // of all tables that sequences use
inline constexpr std::size_t kMaxSymbols = 64;

// How often each symbol is expected, in parts of 2^accuracy_log. They add up to that, -1 ("less than one
// part") counted as 1.
struct Distribution {
  unsigned accuracy_log = 0;
  std::size_t symbols = 0;
  std::array<std::int16_t, kMaxSymbols> parts{};
};

// The largest table of a kind (RFC 8878, 3.1.1.3.2.1).
struct TableLimits {
  unsigned accuracy_log;  // at most kMaxAccuracyLog
  std::size_t symbols;    // at most kMaxSymbols
};

// Reads the description at the front of `bytes` (RFC 8878, 4.1.1) and returns how many bytes it takes;
// nothing if it breaks a rule.
std::optional<std::size_t> read_distribution(ByteView bytes, TableLimits limits, Distribution& out);

// The description of `distribution`, as read_distribution reads it.
Bytes write_distribution(const Distribution& distribution);

// A decoding table.
class StateTable {
 public:
  struct Cell {
    std::uint16_t next_base;
    std::uint8_t next_bits;
    std::uint8_t symbol;
  };
  // RFC 8878, 4.1.1, from "Each symbol has its own set of states" on.
  void build(const Distribution& distribution);
  // A table of one state, which costs no bits.
  void build_single(std::uint8_t symbol);

  unsigned accuracy_log() const noexcept { return accuracy_log_; }
  // `state` is one that bits of this table led to.
  const Cell& operator[](std::uint32_t state) const noexcept { return cells_[state]; }

 private:
  unsigned accuracy_log_ = 0;
  std::array<Cell, std::size_t{1} << kMaxAccuracyLog> cells_{};
};

// Reads bits from the end of `bytes` to its front (RFC 8878, 4.1, "bitstream").
class ReverseBits {
 public:
  // The last byte's highest bit that is set marks the end; without one there are no bits and the reader has
  // overrun at once.
  explicit ReverseBits(ByteView bytes) noexcept;
  // The next `count` bits, at most 32; 0 if fewer are left.
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
  // Every bit was taken, and none that was not there.
  bool is_exhausted() const noexcept { return left_ == 0; }
  bool has_overrun() const noexcept { return left_ < 0; }

 private:
  ByteView bytes_;
  std::int64_t left_;  // bits not yet taken
};

}  // namespace layoutfs::zstd
