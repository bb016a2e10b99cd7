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

// Whole characters stay as they are, all but the control characters: C0, DEL, and C1, which some terminals
// obey in their UTF-8 form too. Of anything else each byte is shown.
bool is_shown_as_is(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first >= 0x20 && first != 0x7f;
  return !(first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
}

std::string printable(std::string_view message) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(message.size() + 16);
  while (!message.empty()) {
    const std::size_t length = utf8_length(message);
    if (length > 0 && is_shown_as_is(message.substr(0, length))) {
      text += message.substr(0, length);
      message.remove_prefix(length);
    } else {
      const auto byte = static_cast<unsigned char>(message.front());
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
      message.remove_prefix(1);
    }
  }
  return text;
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

void log(LogLevel level, std::string_view message) {
  if (!log_enabled(level)) return;
  if (is_syslog_used) return ::syslog(syslog_priority(level), "%s", printable(message).c_str());
  const std::string line = "layoutfs: " + printable(message) + "\n";
  std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace layoutfs
