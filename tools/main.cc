// The program: registers all commands and runs the given one.
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tools/cli/command.h"
#include "tools/cli/command_line.h"
#include "tools/commands/complete.h"
#include "tools/commands/mount_helper.h"

namespace layoutfs::tools {
namespace {

// Suggestions for words of other tools that synonym_of() does not translate.
void add_words_of_other_tools(Command program) {
  for (const auto& [word, instead] : {std::pair("images", "image ls"),
                                      {"rmi", "image rm"},
                                      {"untag", "tag rm"},
                                      {"blobs", "blob ls"},
                                      {"refs", "ref ls"},
                                      {"version", "--version"},
                                      {"-v", "--version"}})
    program.suggest(word, instead);
  program.explain(
      "rm",
      "remove names with 'image rm', references with 'ref rm', blobs with 'blob rm', tags with 'tag rm'");
  program.explain("build", "build the indexes of images with: layoutfs index build LAYOUT");
  for (const char* const word : {"login", "logout"})
    program.explain(word, std::string("layoutfs uses the credentials of podman and docker: podman ") + word +
                              " REGISTRY");
}

int run(std::vector<std::string> arguments) {
  CommandLine command_line("layoutfs", "Mount, inspect and maintain OCI image layouts",
                           "layoutfs " LAYOUTFS_VERSION);
  const Command program = command_line.program();
  int exit_code = kDone;
  program.start_group("Images");
  add_ls_command(program, exit_code);
  add_cat_command(program, exit_code);
  add_extract_command(program, exit_code);
  add_export_command(program, exit_code);
  add_inspect_command(program, exit_code);
  add_history_command(program, exit_code);
  add_diff_command(program, exit_code);
  add_blame_command(program, exit_code);
  add_du_command(program, exit_code);
  add_find_command(program, exit_code);
  add_grep_command(program, exit_code);
  add_commit_command(program, exit_code);
  add_config_command(program, exit_code);
  add_copy_command(program, exit_code);
  add_image_command(program, exit_code);
  program.start_group("Mounts");
  add_mount_command(program, exit_code);
  add_umount_command(program, exit_code);
  add_mounts_command(program, exit_code);
  add_chroot_command(program, exit_code);
  add_engine_command(program, exit_code);
  program.start_group("Content of a layout");
  add_init_command(program, exit_code);
  add_blob_command(program, exit_code);
  add_ref_command(program, exit_code);
  program.start_group("Repositories, as in a registry");
  add_repos_command(program, exit_code);
  add_tags_command(program, exit_code);
  add_tag_command(program, exit_code);
  add_manifest_command(program, exit_code);
  add_referrers_command(program, exit_code);
  add_push_command(program, exit_code);
  add_pull_command(program, exit_code);
  program.start_group("Maintenance");
  add_gc_command(program, exit_code);
  add_fsck_command(program, exit_code);
  add_clean_command(program, exit_code);
  add_index_command(program, exit_code);
  program.start_group("Help");
  command_line.add_help_command();
  add_words_of_other_tools(program);
  program.for_each_command([](Command command) {
    command.add_flag("-q,--quiet", is_quiet(), "Print only errors").group(kOutputGroup);
  });

  if (!arguments.empty() && arguments.front() == kCompleteCommand)
    return complete(program.describe(), {arguments.begin() + 1, arguments.end()});

  const auto parsed = command_line.parse(std::move(arguments));
  if (!parsed) {
    print_error(parsed.error());
    return exit_code == kDone ? kUsage : exit_code;  // the command may have set its own code
  }
  if (parsed->outcome == CommandLine::Outcome::ran) return exit_code;
  Output output;
  output << parsed->answer;
  const int written = output.finish();
  return parsed->outcome == CommandLine::Outcome::no_command ? kUsage : written;
}

// Opens /dev/null in place of closed standard descriptors; else the next file that is opened would become
// standard input or output. O_PATH: every read or write of it fails.
void fill_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) std::ignore = ::open("/dev/null", O_PATH | O_CLOEXEC);
}

}  // namespace
}  // namespace layoutfs::tools

int main(int argc, char** argv) {
  using namespace layoutfs::tools;
  fill_standard_descriptors();
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    // mount(8) runs this program under the name mount.layoutfs for `mount -t layoutfs` and for fuse.layoutfs
    // in fstab (mount_helper.h).
    const std::string program = argc > 0 ? ::basename(argv[0]) : "";
    if (program.starts_with("mount.")) return run_mount_helper(arguments, run);
    return run(std::move(arguments));
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const std::exception& unexpected) {
    print_error(unexpected.what());
  }
  return kFailed;
}
