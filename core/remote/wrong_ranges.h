// Ranges of a blob that turned out to be wrong, and how often.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "core/base/guarded.h"

namespace layoutfs {

// So that bytes that stay wrong are not fetched again and again. Thread-safe.
class WrongRanges {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMostReports = 3;    // of the same range in a period
  static constexpr std::size_t kMost = 64;  // reports that are remembered; the oldest leave

  explicit WrongRanges(Clock::duration period = std::chrono::seconds(10)) : period_(period) {}

  // Remembers that some of the chunks [first, first + count) are wrong. Returns false, and remembers nothing,
  // if the whole range was reported kMostReports times in this period. Throws std::bad_alloc.
  bool report(std::uint64_t first, std::uint64_t count);

 private:
  struct Report {
    std::uint64_t first, count;
    Clock::time_point until;
  };
  const Clock::duration period_;
  Guarded<std::deque<Report>> reports_;  // the oldest first
};

}  // namespace layoutfs
