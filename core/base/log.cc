// The log, as lines on stderr or in syslog.
#include "layoutfs/log.h"

#include <syslog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <tuple>

#include "core/base/json.h"
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

std::atomic<LogLevel> level_limit{LogLevel::warning};
std::atomic<LogFormat> format_used{LogFormat::text};
std::atomic<bool> is_syslog_used{false};

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "error";
}

// "2026-11-21T09:30:00.250Z" (RFC 3339)
std::string rfc3339(LogTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t since_1970 = seconds.time_since_epoch().count();
  std::tm fields{};
  ::gmtime_r(&since_1970, &fields);
  std::array<char, 64> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%FT%T", &fields);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                static_cast<int>((time - seconds).count()));
  return text.data();
}

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

void set_log_format(LogFormat format) noexcept { format_used = format; }

LogFormat log_format() noexcept { return format_used; }

void log(LogLevel level, std::string_view message) {
  if (log_enabled(level)) log_always(level, message);
}

void log_always(LogLevel level, std::string_view message) {
  const bool is_json = log_format() == LogFormat::json;
  std::string line =
      is_json ? json_log_line(std::chrono::floor<LogTime::duration>(std::chrono::system_clock::now()), level,
                              message)
              : printable(message);
  if (is_syslog_used) return ::syslog(syslog_priority(level), "%s", line.c_str());
  line = (is_json ? "" : "layoutfs: ") + line + "\n";
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string json_log_line(LogTime time, LogLevel level, std::string_view message) {
  JsonWriter json;
  json.begin_object().key("version").integer(1).key("time").string(rfc3339(time));
  json.key("level").string(name_of(level)).key("message").string(printable(message)).end_object();
  return json.str();
}

}  // namespace layoutfs
