#include "core/base/failure_log.h"

#include <new>
#include <string>

#include "layoutfs/log.h"

namespace layoutfs {

void FailureLog::report(std::string_view message) noexcept {
  try {
    const auto now = Clock::now();
    auto until = silent_until_.load();
    if (now < until || !silent_until_.compare_exchange_strong(until, now + period_)) {
      ++silent_;
      return log(LogLevel::debug, message);
    }
    std::string line(message);
    if (const std::uint64_t silent = silent_.exchange(0); silent > 0)
      line += " (" + std::to_string(silent) + (silent == 1 ? " failure" : " failures") +
              " since the last message)";
    log(LogLevel::error, line);
  } catch (const std::bad_alloc&) {
    // The reader gets its error.
  }
}

}  // namespace layoutfs
