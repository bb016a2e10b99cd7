// The log of the program: lines on stderr. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace layoutfs {

enum class LogLevel { error, warning, info, debug };

// text: "layoutfs: MESSAGE". json: an object with the members version (1), time (RFC 3339, UTC), level and
// message, as documented in mount.layoutfs(8).
enum class LogFormat { text, json };

// Drops lines above this level. The default is warning.
void set_log_level(LogLevel level) noexcept;
bool log_enabled(LogLevel level) noexcept;

// The default is text.
void set_log_format(LogFormat format) noexcept;
LogFormat log_format() noexcept;

// Sends further lines to syslog(3), for a daemon without stderr. The format is the same, without the
// program's name, which syslog adds.
void log_to_syslog();

// Writes `message`, one line without a newline, with a single write. The text is made printable(), so that
// names in an image cannot forge lines or control a terminal.
void log(LogLevel level, std::string_view message);
// Like log(), but ignores the log level: for output that the user has requested.
void log_always(LogLevel level, std::string_view message);

using LogTime = std::chrono::sys_time<std::chrono::milliseconds>;
// Returns the object of LogFormat::json, without a newline.
std::string json_log_line(LogTime time, LogLevel level, std::string_view message);

}  // namespace layoutfs
