// Inflates the members of a gzip blob (RFC 1952), with stops at possible access points.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/codec/buffered_input.h"
#include "core/codec/deflate.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// For one thread at a time. Unusable after an error.
class GzipInflater {
 public:
  enum class Check { none, trailers };  // whether to check CRC32 and ISIZE of the members

  // A library may pass over blocks that end where a piece of the input ends, so the pieces are large.
  static constexpr std::size_t kInputSize = std::size_t{128} << 10;

  // Starts at the header of a member, at byte `offset` of the blob, which is the position of `source`. Reads
  // up to `input_size` bytes at a time.
  GzipInflater(ByteSource& source, std::uint64_t offset, Check check, DeflateLibrary library,
               std::size_t input_size = kInputSize);

  // CRC-32 and size (modulo 2^32) of a member, or of its front.
  struct Sums {
    std::uint32_t crc = 0, size = 0;
  };
  // Starts inside a member, before the first inflate: `unused_bits` (0 to 7) of the byte before `offset`
  // belong to the block. The trailer of this member is checked if the sums of its front are given.
  void start_in_member(unsigned unused_bits, std::uint8_t byte_before, ByteView window,
                       std::optional<Sums> front = std::nullopt);

  enum class Stop {
    none,    // anywhere: there is more
    block,   // after a block that is not the last one of its member
    member,  // after the header of a member
    limit,   // inside a block, at the limit
    end,     // after the last member and the padding
  };
  struct Progress {
    std::size_t size;  // bytes written to `out`
    Stop stop;
  };
  // Stops at blocks only if `stop_at_blocks`, and not at all of them. Errc::corrupt if the blob violates RFC
  // 1951 or 1952.
  Result<Progress> inflate(std::span<std::byte> out, bool stop_at_blocks);

  // Blocks are not decoded from byte `offset` of the blob on until the next call. If a block starts in or at
  // the end of the byte before, with fewer than 8 bits of it before the limit, inflate() stops there
  // (Stop::block), even without `stop_at_blocks`. Otherwise it returns Stop::limit. Headers and trailers may
  // pass the limit.
  void stop_before(std::uint64_t offset) noexcept { limit_ = offset; }

  // Returns the start of the next block after Stop::block, the start of the header after Stop::member. In
  // bits.
  std::uint64_t position() const noexcept { return position_; }
  BufferedInput& input() noexcept { return input_; }
  // Returns whether a block follows.
  bool is_in_member() const noexcept { return in_member_; }
  // Returns the sums of the current member so far. They are computed if the trailers are checked.
  const Sums& sums() const noexcept { return sums_; }
  // Returns the trailer of the last member that was read to its end.
  const Sums& trailer() const noexcept { return trailer_; }
  // Errc::corrupt if a trailer, which ends at byte `end` of the blob, contradicts the member.
  static Status check_trailer(const Sums& trailer, const Sums& member, std::uint64_t end);

 private:
  Result<bool> next_member();
  Result<bool> skip_padding();
  Status read_header();
  Status read_trailer();
  Result<std::uint8_t> next_byte();
  Result<std::uint8_t> next_header_byte();
  Result<std::uint32_t> next_header_number(unsigned bytes);
  Status skip_header_text();
  Result<DeflateDecoder::Stop> inflate_some(std::span<std::byte>& room, bool stop_at_blocks);

  BufferedInput input_;
  std::unique_ptr<DeflateDecoder> deflate_;
  Check check_;
  bool in_member_ = false;
  bool is_first_member_ = true;
  std::uint64_t position_ = 0;
  std::uint32_t header_crc_ = 0;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
  Sums sums_, trailer_;
};

}  // namespace layoutfs
