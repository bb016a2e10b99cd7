// One log for the whole program: lines on stderr, `layoutfs: ...`, from any thread.
#pragma once

#include <string_view>

namespace layoutfs {

enum class LogLevel { error, warning, info, debug };

// Lines of a level above this are dropped. The default is warning.
void set_log_level(LogLevel level) noexcept;
bool log_enabled(LogLevel level) noexcept;

// After daemonizing there is no stderr: lines go to syslog(3) from then on.
void log_to_syslog();

// Writes `message`, one line without its newline, in a single write. It is made printable(), so that a
// name from an image cannot forge a line or drive a terminal.
void log(LogLevel level, std::string_view message);

}  // namespace layoutfs
