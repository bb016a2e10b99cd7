// Recognizes sequential readers of a stream.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace layoutfs {

// Tracks the readers of one stream by the ends of their last reads. Tolerates reads slightly out of order,
// from the threads of the kernel's read-ahead, and small gaps, such as the headers of a tar. For one thread
// at a time.
class ReadPatterns {
 public:
  static constexpr std::size_t kMost = 16;             // readers; the least recently active one is forgotten
  static constexpr std::uint64_t kMostGap = 64 << 10;  // largest gap between consecutive reads in bytes

  struct Reader {
    std::uint64_t begin = 0, end = 0;  // covered interval in bytes of the stream
    std::uint64_t size = 0;            // bytes read, without the gaps
    std::uint64_t used = 0;            // number of its last read in the stream; 0: unused
    std::uint64_t announced = 0;       // the end of what it will read; 0: unknown
    std::uint64_t planned = 0;         // for the caller's use; 0 at first
  };
  // Returns the reader that has now read `size` bytes at `offset`; nullptr if none was at that position.
  // Valid until the next call.
  Reader* note(std::uint64_t offset, std::uint64_t size) noexcept;
  // Adds a reader that will read from `begin` to `end`. Valid until the next call.
  Reader& expect(std::uint64_t begin, std::uint64_t end) noexcept;
  // Returns whether a tracked reader has already covered the byte at `offset`.
  bool has_come_over(std::uint64_t offset) const noexcept;

 private:
  Reader& least_active() noexcept;
  Reader* reader_before(std::uint64_t offset) noexcept;
  void join_next(Reader& reader) noexcept;

  std::array<Reader, kMost> readers_;
  std::uint64_t reads_ = 0;
};

}  // namespace layoutfs
