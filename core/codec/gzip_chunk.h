// Decodes a part of a gzip blob before its window is known; see the account in gzip_parallel.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/gzip_inflater.h"
#include "core/codec/gzip_state.h"
#include "layoutfs/bytes.h"

namespace layoutfs::gzip {

// A part of the blob in memory.
struct Piece {
  std::uint64_t offset = 0;  // bytes from the start of the blob
  std::shared_ptr<const Bytes> bytes;

  std::uint64_t end() const noexcept { return offset + (bytes == nullptr ? 0 : bytes->size()); }
};

// A block, or the header of a member, that starts behind some bytes of a chunk.
struct Boundary {
  std::size_t size;        // bytes of the chunk before it
  std::uint64_t position;  // bits from the start of the blob
  bool is_header;
};

struct MemberEnd {
  std::size_t size;  // bytes of the chunk before it
  GzipInflater::Sums trailer;
  std::uint64_t trailer_end;  // bytes from the start of the blob
};

// The blocks from one that starts in a piece up to one in the next piece. Work goes through the functions in
// their order, one thread at a time. Memory: that of decode().
class Chunk {
 public:
  explicit Chunk(Piece piece) : piece_(std::move(piece)) {}

  // Finds the first block. Cost: about 10 ns per byte of the piece before it, at most 10 ms.
  void find_begin();
  // Returns the first block, in bits from the start of the blob; nullopt if none was found.
  std::optional<std::uint64_t> begin() const noexcept { return begin_; }

  struct Limits {
    Piece next;  // may have no bytes
    // A block in `next`, in bits from the start of the blob. Without it, the first one there.
    std::optional<std::uint64_t> target;
    std::uint64_t spacing;  // bytes of the stream between boundaries, about
  };
  // Decodes to `plain` and `codes`, which have equal sizes and must outlive the use of this. Ends at the
  // target if a block starts there. Otherwise, and if there is an error or no room, ends at the last boundary
  // before. Precondition: there is a begin().
  void decode(Limits limits, DeflateLibrary library, std::span<std::byte> plain, std::span<std::byte> codes);
  // Returns the end of the chunk in bits from the start of the blob; nullopt if there is no chunk.
  std::optional<std::uint64_t> end() const noexcept { return end_; }
  std::size_t size() const noexcept { return size_; }
  // Ascending; without the begin and the end.
  const std::vector<Boundary>& boundaries() const noexcept { return boundaries_; }
  // Ascending.
  const std::vector<MemberEnd>& member_ends() const noexcept { return member_ends_; }

  // Sets the window: the last bytes of the member before the chunk, at most kDeflateWindow. Returns the
  // window at the end of the chunk; nullopt if the chunk refers to bytes before the start of its member.
  std::optional<Bytes> set_window(Bytes window);
  const Bytes& window() const noexcept { return window_; }

  // Completes `plain`, and computes the sums. Returns false as set_window.
  bool resolve();
  ByteView plain() const noexcept { return ByteView(plain_).first(size_); }
  // The sums of the bytes up to each member's end, and of those after the last one.
  const std::vector<GzipInflater::Sums>& sums() const noexcept { return sums_; }

  // Makes the states of the begin and of all boundaries. After resolve().
  void make_states(GzipStateWriter& writer);
  // The first is that of the begin; nullopt if decoding from there gives other bytes.
  std::vector<std::optional<Bytes>>& states() noexcept { return states_; }

 private:
  class Decoding;
  bool replace_codes(std::span<std::byte> plain, std::size_t offset) const;
  std::optional<Bytes> state_at(GzipStateWriter& writer, std::size_t size, std::uint64_t position) const;

  Piece piece_, next_;
  std::optional<std::uint64_t> begin_, end_;
  // plain_ is the stream decoded with the low halves of positions as window, codes_ that with the high
  // halves. After coded_size_ bytes they are equal, and only plain_ is written.
  std::span<std::byte> plain_, codes_;
  std::size_t size_ = 0, coded_size_ = 0;
  std::vector<Boundary> boundaries_;
  std::vector<MemberEnd> member_ends_;
  Bytes window_;
  std::vector<GzipInflater::Sums> sums_;
  std::vector<std::optional<Bytes>> states_;
};

}  // namespace layoutfs::gzip
