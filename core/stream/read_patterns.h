// Who reads a stream in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace layoutfs {

// Follows the readers of one stream by where their last read ended. Reads may come a little out of order, as
// several threads of a kernel's read-ahead make them, and leave small gaps, as the headers of a tar are. For
// one thread at a time.
class ReadPatterns {
 public:
  static constexpr std::size_t kMost = 16;  // readers; the one that has read nothing for longest is forgotten
  static constexpr std::uint64_t kMostGap = 64 << 10;  // bytes between reads that still follow each other

  struct Reader {
    std::uint64_t begin = 0, end = 0;  // what it has come over, in bytes of the stream
    std::uint64_t size = 0;            // of what it has read there, without the gaps
    std::uint64_t used = 0;            // when it read last, in reads of the stream; 0: nobody
    std::uint64_t planned = 0;         // free for who plans ahead; 0 at first
  };
  // The reader that has now read `size` bytes at `offset`; nothing where none stood there. Valid until the
  // next call.
  Reader* note(std::uint64_t offset, std::uint64_t size) noexcept;
  // Whether a reader that is followed has already come over the byte at `offset`.
  bool has_come_over(std::uint64_t offset) const noexcept;

 private:
  Reader* reader_before(std::uint64_t offset) noexcept;
  void join_next(Reader& reader) noexcept;

  std::array<Reader, kMost> readers_;
  std::uint64_t reads_ = 0;
};

}  // namespace layoutfs
