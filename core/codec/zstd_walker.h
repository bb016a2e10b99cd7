// Walks over the blocks of a frame in parallel with libzstd, to know the decoder's state between two blocks
// (RFC 8878, 3.1.1.3 to 3.1.1.5): the tables that later blocks may reuse, and the repeat offsets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/codec/zstd_entropy.h"
#include "core/codec/zstd_frame.h"
#include "layoutfs/bytes.h"

namespace layoutfs::zstd {

// A decoder's state between two blocks, without the window. Tables are descriptions as in the stream.
struct EntropyState {
  Bytes huffman;  // empty before the first tree
  Bytes literal_lengths, offsets, match_lengths;
  std::array<std::uint32_t, 3> repeat_offsets;
};

// A part of a block that is copied from preceding bytes.
struct Match {
  std::uint32_t at;      // bytes from the block's start
  std::uint32_t offset;  // distance in bytes to the start of the copied part, possibly in an earlier block
  std::uint32_t length;  // may exceed the offset
};
// For BlockWalker::last_matches.
inline constexpr std::int64_t kAllMatches = -static_cast<std::int64_t>(kMaxBlockSize);

class BlockWalker {
 public:
  // Starts at the start of a frame with this window.
  explicit BlockWalker(std::uint64_t window_size);

  // Walks over a block except its sequences, which are read on request because few are needed. Returns false
  // if the block is invalid; the walker is unusable then.
  bool follow(const BlockHeader& header, ByteView content);

  // Returns the number of bytes that the last block regenerates, nullopt if its sequences are invalid.
  std::optional<std::size_t> last_size();
  // Returns whether the matches of the last block can be known; true if the sequences of the preceding one
  // were read. Call it before reading those of the last block.
  bool knows_repeat_offsets() const noexcept;
  // Like last_size, and appends the block's matches in order, but only those that begin more than `reach`
  // bytes before the block. Call it once per block; returns nullopt if the repeat offsets are not known.
  std::optional<std::size_t> last_matches(std::vector<Match>& matches, std::int64_t reach = kAllMatches);
  // Returns the state after the blocks so far. Returns nullopt if a table repeats one symbol, because it has
  // no description, or if the last sequences do not set all three repeat offsets and the earlier ones were
  // not read.
  std::optional<EntropyState> state();

 private:
  struct Table {
    Bytes description;  // empty if the table repeats one symbol
    StateTable states;
  };
  struct Kind;
  enum class Mode : std::uint8_t { predefined, single, described, repeat };

  static const Kind kLiteralLengths, kOffsets, kMatchLengths;
  static void set_predefined(Table& table, const Kind& kind);
  static bool read_table(Table& table, const Kind& kind, Mode mode, ByteView& rest);
  std::optional<std::size_t> follow_literals(ByteView& rest);
  bool follow_sequences(ByteView rest, std::size_t literals_size);
  // Each appends to `matches` unless it is nullptr.
  void read_sequences(std::vector<Match>* matches, std::int64_t reach = kAllMatches);
  std::optional<std::size_t> follow_bitstream(std::vector<Match>* matches, std::int64_t reach);
  using RepeatOffsets = std::array<std::uint32_t, 3>;
  static bool follow_offset(RepeatOffsets& recent, std::uint32_t offset_value, bool has_no_literals);

  // Of the last block that has sequences. Its tables are the current ones.
  struct Sequences {
    Bytes bitstream;  // as ReverseBits needs it
    std::size_t count = 0, literals_size = 0;
    bool is_read = true;
  };

  std::uint64_t window_size_;
  std::vector<Match> kept_;  // of follow_bitstream, which uses the memory again
  Sequences sequences_;
  std::optional<std::size_t> last_size_ = 0;
  bool has_last_sequences_ = false;  // whether they belong to the last block
  Bytes huffman_;
  Table literal_lengths_, offsets_, match_lengths_;
  // RFC 8878, 3.1.1.5; the values before sequences_ until those are read. 0: unknown.
  RepeatOffsets repeat_offsets_ = {1, 4, 8};
};

}  // namespace layoutfs::zstd
