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
  // The same for a reader that began in an announced range, and may only have needed a little more.
  static constexpr std::uint64_t kShortestBehind = std::uint64_t{64} << 10;
  static constexpr std::uint64_t kLongestWindow = std::uint64_t{8} << 20;
  // A reader that has read this number of bytes in sequence will probably read the whole blob; few files of
  // programs and libraries are so large when they are compressed.
  static constexpr std::uint64_t kEndlessAfter = std::uint64_t{4} << 20;

  // A reader will read about [offset, offset + size) soon: so reads in this range do not tell that it will
  // read on behind it.
  void announce(std::uint64_t offset, std::uint64_t size);

  struct Expected {
    std::uint64_t bytes = 0;  // behind the read
    bool is_endless = false;  // the reader will probably read up to the end
  };
  // Notes a read of [offset, offset + size). Returns the expectation of its next reads: half of the bytes
  // that it has read in sequence so far, without the announced range in which it began, and within the bounds
  // above; or the rest of that range; nothing if the read does not continue an earlier one. (Most readers
  // stop at the end of a file: a longer window costs more bytes than it saves time.)
  Expected note(std::uint64_t offset, std::uint64_t size);

 private:
  // The kernel's reads for one reader may arrive in another order: a read may be up to twice its size, but
  // not more than this number of bytes, away from its place in the sequence.
  static constexpr std::uint64_t kMostSlack = std::uint64_t{256} << 10;
  struct Reader {
    std::uint64_t expected = 0;  // offset after the bytes that do not tell that it will read on
    std::uint64_t shortest = 0;  // window
    std::uint64_t next = 0;      // offset after its last read
    std::uint64_t size = 0;      // of its last read; 0 for an unused place
    std::uint64_t used = 0;      // time of its last read, in reads
  };
  struct Range {
    std::uint64_t begin = 0, end = 0;
  };

  const Range* announced(std::uint64_t offset) const;

  std::array<Reader, 16> readers_{};
  std::uint64_t reads_ = 0;
  std::array<Range, 16> announced_{};  // a ring
  std::size_t announcements_ = 0;
};

}  // namespace layoutfs
