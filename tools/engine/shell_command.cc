#include "tools/engine/shell_command.h"

#include <unistd.h>

#include <string_view>

#include "core/base/program.h"

namespace layoutfs::tools {

std::string shell_line(const std::vector<std::string>& words) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? "'\\''" : std::string(1, c);
    line += '\'';
  }
  return line;
}

Status run_command(const std::vector<std::string>& words) {
  constexpr Redirection kToStderr{STDERR_FILENO, STDOUT_FILENO};
  const auto is_done = run_program(words, {&kToStderr, 1});
  if (!is_done) return fail(Error(is_done.error()));
  return *is_done ? Status() : fail(Errc::mount_failed, "'" + shell_line(words) + "' failed");
}

}  // namespace layoutfs::tools
