// One log for the whole program: lines on stderr, from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace layoutfs {

enum class LogLevel { error, warning, info, debug };

// text: "layoutfs: MESSAGE". json: an object with the members version (1), time (RFC 3339, UTC), level and
// message; the manual page mount.layoutfs(8) promises them.
enum class LogFormat { text, json };

// Lines of a level above this are dropped. The default is warning.
void set_log_level(LogLevel level) noexcept;
bool log_enabled(LogLevel level) noexcept;

// The default is text.
void set_log_format(LogFormat format) noexcept;
LogFormat log_format() noexcept;

// After daemonizing there is no stderr: lines go to syslog(3) from then on, in the same format, but for the
// program's name, which syslog writes itself.
void log_to_syslog();

// Writes `message`, one line without its newline, in a single write. It is made printable(), so that a
// name from an image cannot forge a line or drive a terminal.
void log(LogLevel level, std::string_view message);
// The same where somebody asked to be told, whatever the level is that was set.
void log_always(LogLevel level, std::string_view message);

using LogTime = std::chrono::sys_time<std::chrono::milliseconds>;
// The object of LogFormat::json, without a newline.
std::string json_log_line(LogTime time, LogLevel level, std::string_view message);

}  // namespace layoutfs
