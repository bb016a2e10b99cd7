// Recognizes sequential readers of one blob, to read ahead for them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace layoutfs {

// Distinguishes several readers at different positions. For one thread at a time.
class SequentialReads {
 public:
  static constexpr std::uint64_t kShortestWindow = std::uint64_t{256} << 10;
  static constexpr std::uint64_t kLongestWindow = std::uint64_t{8} << 20;

  // Notes a read of [offset, offset + size). Returns the number of bytes behind it that its reader will
  // probably read next: as many as it has read in sequence so far, within the bounds above; 0 if the read
  // does not continue an earlier one.
  std::uint64_t note(std::uint64_t offset, std::uint64_t size);

 private:
  // The kernel's reads for one reader may arrive in another order: a read may be up to twice its size, but
  // not more than this number of bytes, away from its place in the sequence.
  static constexpr std::uint64_t kMostSlack = std::uint64_t{256} << 10;
  struct Reader {
    std::uint64_t next = 0;      // offset after its last read
    std::uint64_t size = 0;      // of its last read
    std::uint64_t progress = 0;  // bytes in sequence; 0 for an unused place
    std::uint64_t used = 0;      // time of its last read, in reads
  };

  std::array<Reader, 16> readers_{};
  std::uint64_t reads_ = 0;
};

}  // namespace layoutfs
