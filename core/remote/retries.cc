#include "core/remote/retries.h"

#include <ctime>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "core/base/wait.h"
#include "core/http/fields.h"

namespace layoutfs {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestPause{5'000};
constexpr std::chrono::hours kLongestWish{1};

// Sleeps until `until`. Errc::cancelled if `context` ends earlier.
Status sleep_until(std::chrono::steady_clock::time_point until, const Context& context) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  Context pause = context;
  if (!pause.deadline || until < *pause.deadline) pause.deadline = until;
  ignore(wait_until_met(never, lock, pause, [] { return false; }),
         "it ends by its deadline, or by the Context");
  return context.check();
}

// Clients that were interrupted together should not come back together.
milliseconds spread(milliseconds pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto half = pause / 2;
  return half + milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, half.count())(random));
}

}  // namespace

Status Retries::wait(Error error, milliseconds at_least, const Context& context) {
  if (auto go_on = context.check(); !go_on) return go_on;
  const auto grown = options_.first_pause * (1 << std::min(attempts_++, 10));
  const milliseconds pause = std::max(spread(std::min(grown, kLongestPause)), at_least);
  const auto now = std::chrono::steady_clock::now();
  if (!end_) end_ = now + options_.timeout;
  const auto until = now + pause;
  if (!options_.waits && until > *end_) return fail(std::move(error));
  return sleep_until(until, context);
}

void Retries::restart() {
  attempts_ = 0;
  end_.reset();
}

bool is_interruption(const Error& error) noexcept {
  return is_transient(error) || error.code() == Errc::unexpected_eof;
}

milliseconds parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now) {
  if (const auto seconds = parse_decimal(text)) {
    const std::uint64_t most = std::chrono::seconds(kLongestWish).count();
    return std::chrono::seconds(std::min(*seconds, most));
  }
  std::tm date{};
  // "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7); the other two forms are obsolete.
  const std::string copy(text);
  const char* const rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return milliseconds(0);
  const auto time = std::chrono::system_clock::from_time_t(::timegm(&date));
  if (time <= now) return milliseconds(0);
  return std::min(std::chrono::ceil<milliseconds>(time - now), milliseconds(kLongestWish));
}

}  // namespace layoutfs
