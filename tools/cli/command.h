// What the commands share: exit codes, error lines, output.
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

// Documented in the manual page; they do not change.
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
  // Of `chroot` alone, as of chroot(1): all others are those of the command that it runs.
  kOwnFailure = 125,
  kCannotExecute = 126,
  kCommandNotFound = 127,
};
ExitCode exit_code_of(const Error& error) noexcept;

// Writes "layoutfs: MESSAGE" to stderr, one line whatever the message holds; it is a line of the log.
void print_error(std::string_view message);
// Its message, with a hint what to do about the mount if that has died.
std::string message_of(const Error& error);
// Its message, and its hint as a line of its own.
void print_error(const Error& error);
// The line "hint: ..." if the error has one.
void print_hint(const Error& error);
// Writes a line that is no error to stderr, without that prefix; as any other where the log is in JSON.
void print_notice(std::string_view message);
// What --quiet sets: notices and progress are not shown, errors are.
bool& is_quiet() noexcept;
// As print_error, for an error; returns its exit code.
int report(const Error& error);

// The option --follow-links of every command that opens a layout.
void add_follow_links(Command command, bool& follow_links);

// What was found of an operand. Its malformed digest is Errc::invalid_argument here: the command is used
// wrong, while nothing is damaged.
template <class T>
Result<T> of_operand(Result<T> found) {
  if (!found && found.error().code() == Errc::digest_invalid)
    return fail(Errc::invalid_argument, found.error().message());
  return found;
}
// The error for a command, "blob put", that lacks operands.
Error missing_operand(const std::string& command, const std::string& operand);
Result<Digest> parse_digest_operand(std::string_view text);

// Each command registers itself with its options; running it sets `exit_code`.
void add_mount_command(Command program, int& exit_code);
void add_mounts_command(Command program, int& exit_code);
void add_umount_command(Command program, int& exit_code);
void add_chroot_command(Command program, int& exit_code);
void add_ls_command(Command program, int& exit_code);
void add_cat_command(Command program, int& exit_code);
void add_extract_command(Command program, int& exit_code);
void add_inspect_command(Command program, int& exit_code);
void add_history_command(Command program, int& exit_code);
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

// What could not be understood or applied, and is missing in what is printed: as the member "problems".
void write_problems(JsonWriter& json, const std::vector<std::string>& problems);

// Payload on stdout, buffered. A failed write (a full disk, a closed pipe) is kept for finish().
class Output {
 public:
  Output& operator<<(std::string_view text);
  // A name from an image; printable() on a terminal.
  Output& name(std::string_view name);
  // Writes out what there is, for what comes on stderr to stand behind it.
  void flush();
  // kDone, or an error line and kCannotWrite.
  int finish();

 private:
  std::string buffer_;
  int failed_with_ = 0;  // errno
};

// The first twelve digits, for people.
std::string short_digest(const Digest& digest);
// "1.5 MB": three digits, powers of 1000.
std::string human_size(std::uint64_t bytes);
// "2026-11-21 09:30:00", in UTC; seconds since 1970.
std::string utc_time(std::int64_t seconds);
// `text` at the right of `width` columns.
std::string pad(std::string text, std::size_t width);

}  // namespace layoutfs::tools
