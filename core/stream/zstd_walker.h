// Follows the blocks of a frame beside the real decoder, to know what that one knows between two blocks
// (RFC 8878, 3.1.1.3 to 3.1.1.5): the tables that later blocks may use again, and the repeat offsets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/stream/zstd_entropy.h"
#include "core/stream/zstd_frame.h"

namespace layoutfs::zstd {

// What a decoder carries from block to block, beside the window: descriptions as they stand in the stream.
struct EntropyState {
  Bytes huffman;  // empty before the first one
  Bytes literal_lengths, offsets, match_lengths;
  std::array<std::uint32_t, 3> repeat_offsets;
};

class BlockWalker {
 public:
  // At the start of a frame with this window.
  explicit BlockWalker(std::uint64_t window_size);

  // Goes over a block and returns how many bytes it regenerates. Nothing where it breaks a rule of the
  // format; the walker is of no use then.
  std::optional<std::size_t> follow(const BlockHeader& header, ByteView content);

  // The state after the blocks so far; nothing while a table is of the kind that repeats one symbol, which
  // has no description.
  std::optional<EntropyState> state() const;

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
  std::optional<std::size_t> follow_sequences(ByteView rest, std::size_t literals_size);
  std::optional<std::size_t> follow_bitstream(ByteView bytes, std::size_t sequences,
                                              std::size_t literals_size);
  bool follow_offset(std::uint32_t offset_value, bool has_no_literals);

  std::uint64_t window_size_;
  Bytes huffman_;
  Table literal_lengths_, offsets_, match_lengths_;
  std::array<std::uint32_t, 3> repeat_offsets_ = {1, 4, 8};  // RFC 8878, 3.1.1.5
};

}  // namespace layoutfs::zstd
