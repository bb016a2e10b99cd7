// Common code of the commands: exit codes, error lines, output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "tools/cli/command_line.h"

namespace layoutfs::tools {

// The manual page documents these. They never change.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kNotALayout = 4,
  kAmbiguous = 5,
  kUnsupported = 6,
  kCorrupt = 7,
  kMountFailed = 8,
  kCannotWrite = 9,
  // Only for `chroot`, as for chroot(1). It returns the exit code of the command that it runs otherwise.
  kOwnFailure = 125,
  kCannotExecute = 126,
  kCommandNotFound = 127,
};
// Returns the exit code for an error of a command that only reads.
ExitCode exit_code_of(const Error& error) noexcept;

// Writes "layoutfs: MESSAGE" to stderr through the log, always as one line.
void print_error(std::string_view message);
// Returns the message. If it begins with the name of an option, the running command precedes it. If the error
// comes from a dead mount (ENOTCONN), the message ends with the remedy.
std::string message_of(const Error& error);
// Prints the message, and the hint on a line of its own.
void print_error(const Error& error);
// Prints "hint: ..." if the error has a hint.
void print_hint(const Error& error);
// Writes a message that is not an error to stderr, without the prefix "layoutfs:". Prints nothing after
// --quiet. If the log is in JSON, the message is one of its lines.
void print_notice(std::string_view message);
// The flag of --quiet: hides notices and progress, but not errors.
bool& is_quiet() noexcept;
// Prints the error. Returns its exit code.
int report(const Error& error);

// Adds the option --follow-links, which every command that opens a layout has.
void add_follow_links(Command command, bool& follow_links);

// Returns `found`, the result of looking up an operand, with Errc::digest_invalid replaced by
// Errc::invalid_argument: a malformed digest in an operand is wrong usage, not damage.
template <class T>
Result<T> of_operand(Result<T> found) {
  if (!found && found.error().code() == Errc::digest_invalid)
    return fail(Errc::invalid_argument, found.error().message());
  return found;
}
// Returns the error for a missing operand of a command such as "blob put".
Error missing_operand(const std::string& command, const std::string& operand);
// Returns the error for an operand beyond those that a command takes.
Error unexpected_operand(const std::string& command, const std::string& operand);
// Parses a digest. Errc::invalid_argument if it is malformed.
Result<Digest> parse_digest_operand(std::string_view text);

// Each function adds a command with its options. Running the command sets `exit_code`.
void add_mount_command(Command program, int& exit_code);
void add_mounts_command(Command program, int& exit_code);
void add_umount_command(Command program, int& exit_code);
void add_chroot_command(Command program, int& exit_code);
void add_engine_command(Command program, int& exit_code);
void add_ls_command(Command program, int& exit_code);
void add_cat_command(Command program, int& exit_code);
void add_extract_command(Command program, int& exit_code);
void add_export_command(Command program, int& exit_code);
void add_inspect_command(Command program, int& exit_code);
void add_history_command(Command program, int& exit_code);
void add_diff_command(Command program, int& exit_code);
void add_blame_command(Command program, int& exit_code);
void add_du_command(Command program, int& exit_code);
void add_find_command(Command program, int& exit_code);
void add_grep_command(Command program, int& exit_code);
void add_commit_command(Command program, int& exit_code);
void add_config_command(Command program, int& exit_code);
void add_init_command(Command program, int& exit_code);
void add_blob_command(Command program, int& exit_code);
void add_ref_command(Command program, int& exit_code);
void add_clean_command(Command program, int& exit_code);
void add_gc_command(Command program, int& exit_code);
void add_fsck_command(Command program, int& exit_code);
void add_index_command(Command program, int& exit_code);
void add_image_command(Command program, int& exit_code);
void add_repos_command(Command program, int& exit_code);
void add_tags_command(Command program, int& exit_code);
void add_tag_command(Command program, int& exit_code);
void add_manifest_command(Command program, int& exit_code);
void add_referrers_command(Command program, int& exit_code);
void add_push_command(Command program, int& exit_code);
void add_pull_command(Command program, int& exit_code);
void add_copy_command(Command program, int& exit_code);

// Writes the member "problems": a sentence for each part that the output lacks because of an error.
void write_problems(JsonWriter& json, const std::vector<std::string>& problems);

// Buffered standard output. finish() reports the first failed write, for example to a full disk or a closed
// pipe.
class Output {
 public:
  Output& operator<<(std::string_view text);
  // Writes a name from an image. On a terminal, control characters are escaped (printable()).
  Output& name(std::string_view name);
  // Writes a short digest on a terminal, otherwise a whole one.
  Output& digest(const Digest& digest);
  // Writes the buffered output, so that later lines on stderr follow it.
  void flush();
  // Flushes. Returns kDone, or prints an error and returns kCannotWrite.
  int finish();

 private:
  std::string buffer_;
  int failed_with_ = 0;  // errno
};

// Prints the text so far if it has become large: the document may be longer than the memory.
void print_if_large(JsonWriter& json, Output& output);

// Returns the first twelve hex digits.
std::string short_digest(const Digest& digest);
// Returns for example "1.5 MB": three digits, powers of 1000.
std::string human_size(std::uint64_t bytes);
// Returns for example "2026-11-21 09:30:00", in UTC. `seconds` since 1970.
std::string utc_time(std::int64_t seconds);
// Returns `text`, right-aligned in `width` columns.
std::string pad(std::string text, std::size_t width);

}  // namespace layoutfs::tools
