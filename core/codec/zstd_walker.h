// Follows the blocks of a frame beside libzstd, to have its state between two blocks (RFC 8878, 3.1.1.3
// to 3.1.1.5): the tables that later blocks may use again, and the repeat offsets.
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

// A decoder's state between two blocks, without the window. Tables are descriptions as they stand in the
// stream.
struct EntropyState {
  Bytes huffman;  // empty before the first one
  Bytes literal_lengths, offsets, match_lengths;
  std::array<std::uint32_t, 3> repeat_offsets;
};

// A part of the bytes that a block regenerates, copied from bytes before it.
struct Match {
  std::size_t at;        // bytes from the block's start
  std::uint32_t offset;  // bytes back to the start of the copied part, perhaps in an earlier block
  std::size_t length;    // may be more than the offset
};

class BlockWalker {
 public:
  // At the start of a frame with this window.
  explicit BlockWalker(std::uint64_t window_size);

  // Goes over a block, all but its sequences: those are read on request, since few are needed.
  // Returns false if it breaks a rule of the format; the walker cannot be used then.
  bool follow(const BlockHeader& header, ByteView content);

  // Returns the number of bytes that the last block regenerates; nothing if its sequences break a rule.
  std::optional<std::size_t> last_size();
  // As last_size, and appends the block's matches in their order. For a block that nobody asked about before,
  // and behind one whose sequences were read too; otherwise there may be nothing.
  std::optional<std::size_t> last_matches(std::vector<Match>& matches);
  // The state after the blocks so far. Nothing while a table is of the kind that repeats one symbol, which
  // has no description, and where the last sequences do not say all three repeat offsets anew: those that
  // were not asked for before are not known.
  std::optional<EntropyState> state();

 private:
  struct Table {
    Bytes description;  // empty for a table that repeats one symbol
    StateTable states;
  };
  struct Kind;
  enum class Mode : std::uint8_t { predefined, single, described, repeat };

  static const Kind kLiteralLengths, kOffsets, kMatchLengths;
  static void set_predefined(Table& table, const Kind& kind);
  static bool read_table(Table& table, const Kind& kind, Mode mode, ByteView& rest);
  std::optional<std::size_t> follow_literals(ByteView& rest);
  bool follow_sequences(ByteView rest, std::size_t literals_size);
  // Each appends to `matches` if that is not nullptr.
  void read_sequences(std::vector<Match>* matches);
  std::optional<std::size_t> follow_bitstream(std::vector<Match>* matches);
  bool follow_offset(std::uint32_t offset_value, bool has_no_literals);

  // Of the last block that has any. Its tables are those that still hold.
  struct Sequences {
    Bytes bitstream;
    std::size_t count = 0, literals_size = 0;
    bool is_read = true;
  };

  std::uint64_t window_size_;
  Sequences sequences_;
  std::optional<std::size_t> last_size_ = 0;
  bool has_last_sequences_ = false;  // whether the last block is the one that they are of
  Bytes huffman_;
  Table literal_lengths_, offsets_, match_lengths_;
  // RFC 8878, 3.1.1.5; before sequences_, until those are read. 0: not known.
  std::array<std::uint32_t, 3> repeat_offsets_ = {1, 4, 8};
};

}  // namespace layoutfs::zstd
