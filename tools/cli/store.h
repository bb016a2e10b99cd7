// What the commands on the store share: the layout they are given, and how they end.
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

// How the commands are told which layout.
struct LayoutArguments {
  std::string layout;         // LAYOUT
  bool follow_links = false;  // --follow-links
  // Adds both.
  void add_options(Command command, const std::string& description = "");
};
// A layout that a command only reads, and one that it also writes.
struct ReadLayout {
  std::string path;
  std::unique_ptr<LayoutReader> reader;
};
struct WrittenLayout {
  std::string path;
  std::unique_ptr<Engine> engine;
};
// Open the layout that the arguments name, a directory or an archive, each also behind its prefix.
// Errc::invalid_argument if they name a reference in it too; open_to_write() of an archive: Errc::io and
// EROFS.
Result<ReadLayout> open_to_read(const LayoutArguments& arguments);
Result<WrittenLayout> open_to_write(const LayoutArguments& arguments);

// Opens the layout to read it, or also to write it, and returns the result of `command`, else the exit code
// of the error, which is printed. `engine` is null if the layout is only read, else it is the reader.
using LayoutCommand = std::function<int(const std::string& path, const LayoutReader& layout, Engine* engine)>;
int with_layout(const LayoutArguments& arguments, bool is_written, const LayoutCommand& command);

// Where something was to be written: as exit_code_of() and report(), but a system call that failed is
// kCannotWrite as well.
ExitCode write_exit_code_of(const Error& error) noexcept;
int report_write(const Error& error);
// What became of open_to_write(): as report(), but a layout that cannot be changed is kCannotWrite.
int report_opening(const Error& error);

struct RemoveArguments {
  LayoutArguments layout;
  std::vector<std::string> names;
  bool is_forced = false;  // what is not there is no error
};
// Takes each of the names out of the layout; `erase` returns whether it was there. Goes on where one fails;
// the exit code is that of the first.
int remove_each(const RemoveArguments& arguments, std::string_view noun,
                const std::function<Result<bool>(Engine&, const std::string& name)>& erase);

// What became of removing `name`: nothing to tell, or the error, which is printed. Returns the exit code.
int report_removal(const RemoveArguments& arguments, const std::string& layout, std::string_view noun,
                   const std::string& name, Result<bool> was_there);

// Runs `command` and writes out what it printed, also where it failed. Its exit code, else that of the
// writing.
int with_output(const std::function<int(Output&)>& command);

// A plain decimal number; the error names `option`.
Result<std::uint64_t> parse_count(std::string_view option, std::string_view text);

// Checks the value of `option`: TYPE/SUBTYPE of RFC 6838, maybe with parameters. Errc::invalid_argument.
Status check_media_type(std::string_view option, const std::string& media_type);

// The versions of what --json prints.
inline constexpr std::int64_t kStoreJsonVersion = 1;
inline std::int64_t to_json_integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// "1 blob", "2 blobs"
std::string count_of(std::uint64_t count, std::string_view noun);

}  // namespace layoutfs::tools
