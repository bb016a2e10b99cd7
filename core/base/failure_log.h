// Failures that may repeat with every read, in the log.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace layoutfs {

// The failures of one thing, such as a layer: all its readers may fail for the same reason. One line, then no
// further one for a while. Thread-safe.
class FailureLog {
 public:
  using Clock = std::chrono::steady_clock;
  explicit FailureLog(Clock::duration period = std::chrono::minutes(1)) : period_(period) {}

  // Logs `message` as an error. If a failure was logged less than a period ago, logs it for debugging alone,
  // and counts it; the next line tells the count.
  void report(std::string_view message) noexcept;

 private:
  const Clock::duration period_;
  std::atomic<Clock::time_point> silent_until_ = Clock::time_point::min();
  std::atomic<std::uint64_t> silent_ = 0;  // failures since the last line
};

}  // namespace layoutfs
