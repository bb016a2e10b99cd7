// Pauses between attempts of an operation over the network.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "core/remote/remote_access.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// One operation: its deadline, and pauses that grow. For one thread.
class Retries {
 public:
  explicit Retries(const RetryOptions& options)
      : options_(options), end_(std::chrono::steady_clock::now() + options.timeout) {}

  // Waits before the next attempt, at least for `at_least`, which a server has asked for. Returns `error`,
  // the reason of the attempt before, if the operation has no time left. Errc::cancelled if `context` ends.
  Status wait(Error error, std::chrono::milliseconds at_least, const Context& context);
  // Begins anew, after progress: the time runs from the next failure on, because the caller may pause before
  // it goes on.
  void restart();

 private:
  const RetryOptions options_;
  std::optional<std::chrono::steady_clock::time_point> end_;  // nullopt: the next wait() sets it
  int attempts_ = 0;
};

// Returns whether a response, or its body, was interrupted, so that another attempt may succeed.
bool is_interruption(const Error& error) noexcept;

// Returns the value of a Retry-After field (RFC 9110, section 10.2.3): a number of seconds or a date, which
// is compared with the time of this machine. At most an hour; 0 if it is malformed.
std::chrono::milliseconds parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace layoutfs
