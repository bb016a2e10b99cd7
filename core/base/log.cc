// The log, as lines on stderr or in syslog.
#include "core/base/log.h"

#include <syslog.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <tuple>

#include "core/base/utf8.h"

namespace layoutfs {
namespace {

std::atomic<LogLevel> level_limit{LogLevel::warning};
std::atomic<bool> is_syslog_used{false};

int syslog_priority(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return LOG_ERR;
    case LogLevel::warning:
      return LOG_WARNING;
    case LogLevel::info:
      return LOG_INFO;
    case LogLevel::debug:
      return LOG_DEBUG;
  }
  return LOG_ERR;
}

}  // namespace

void set_log_level(LogLevel level) noexcept { level_limit = level; }

bool log_enabled(LogLevel level) noexcept { return level <= level_limit; }

void log_to_syslog() {
  ::openlog("layoutfs", LOG_PID, LOG_DAEMON);
  is_syslog_used = true;
}

void log(LogLevel level, std::string_view message) {
  if (!log_enabled(level)) return;
  if (is_syslog_used) return ::syslog(syslog_priority(level), "%s", printable(message).c_str());
  const std::string line = "layoutfs: " + printable(message) + "\n";
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace layoutfs
