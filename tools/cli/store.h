// Common code of the commands on layouts: opening the layout, and exit codes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/engine.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

// The operand and the option that select a layout.
struct LayoutArguments {
  std::string layout;         // LAYOUT
  bool follow_links = false;  // --follow-links
  // Adds the operand LAYOUT and the option --follow-links.
  void add_options(Command command, const std::string& description = "");
};
// A layout that a command reads, and one that it changes.
struct ReadLayout {
  std::string path;
  std::unique_ptr<LayoutReader> reader;
};
struct WrittenLayout {
  std::string path;
  std::unique_ptr<Engine> engine;
};
// Open the layout, a directory or an archive, with or without its prefix. Errc::invalid_argument if the
// operand also names a reference. open_to_write(): Errc::io with EROFS for an archive.
Result<ReadLayout> open_to_read(const LayoutArguments& arguments);
Result<WrittenLayout> open_to_write(const LayoutArguments& arguments);

// Opens the layout and runs `command`, with a null `engine` unless `is_written`. Returns the result of
// `command`; if the layout cannot be opened, prints the error and returns its exit code.
using LayoutCommand = std::function<int(const std::string& path, const LayoutReader& layout, Engine* engine)>;
int with_layout(const LayoutArguments& arguments, bool is_written, const LayoutCommand& command);

// As exit_code_of() and report(), for commands that write: a failed system call (Errc::io) is kCannotWrite.
ExitCode write_exit_code_of(const Error& error) noexcept;
int report_write(const Error& error);
// As report(), for errors of open_to_write(): a read-only layout is kCannotWrite.
int report_opening(const Error& error);

// Returns an error of writing to the layout at `path`, which it names. If the caller may not write there, it
// names the directory, and the hint its owner.
Error written_to(Error error, const std::string& path);

// Returns the name of a user, or the number if it has none.
std::string user_name(std::uint32_t user);

struct RemoveArguments {
  LayoutArguments layout;
  std::vector<std::string> names;
  bool is_forced = false;  // a name that does not exist is not an error
};
// Handles the result of removing `name`: prints the error if there is one. Returns the exit code.
int report_removal(const RemoveArguments& arguments, const std::string& layout, std::string_view noun,
                   const std::string& name, Result<bool> was_there);

// Runs `command` and flushes its output, even if it failed. Returns the exit code of `command`; if that is at
// most `last_success` and the output cannot be written, that of the output.
int with_output(const std::function<int(Output&)>& command, int last_success = kDone);
// The same for a command that returns its error, which is printed after its output.
int with_output_or_error(const std::function<Status(Output&)>& command);

// Parses a decimal number. Errc::invalid_argument, naming `option`.
Result<std::uint64_t> parse_count(std::string_view option, std::string_view text);

// Checks a media type: TYPE/SUBTYPE (RFC 6838), with or without parameters. Errc::invalid_argument, naming
// `option`.
Status check_media_type(std::string_view option, const std::string& media_type);

// The version of the output of --json.
inline constexpr std::int64_t kStoreJsonVersion = 1;
// JSON integers are signed.
inline std::int64_t to_json_integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// Returns for example "1 blob" or "2 blobs".
std::string count_of(std::uint64_t count, std::string_view noun);

}  // namespace layoutfs::tools
