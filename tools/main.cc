// The program: finds the command and runs it.
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tools/command.h"
#include "tools/complete.h"
#include "tools/mount_helper.h"

namespace layoutfs::tools {
namespace {

// CLI11 takes an operand "[a,b]" for a list, where an option may have several values. A NUL, which no
// argument can hold, is put behind such a one until CLI11 has understood which option it belongs to.
constexpr char kNoList = '\0';

void mark_brackets(std::vector<std::string>& arguments) {
  for (std::string& argument : arguments)
    if (argument.starts_with('[') && argument.ends_with(']')) argument += kNoList;
}

void unmark_values(CLI::App& command) {
  const auto unmark = [](std::string value) {
    if (value.ends_with(kNoList)) value.pop_back();
    return value;
  };
  for (CLI::Option* option : command.get_options()) option->transform(unmark);
  for (CLI::App* below : command.get_subcommands([](CLI::App*) { return true; })) unmark_values(*below);
}

// CLI11 lists what is surplus from the end.
std::string explain(const CLI::App& app, const CLI::ParseError& wrong) {
  if (dynamic_cast<const CLI::ExtrasError*>(&wrong) == nullptr) return wrong.what();
  std::string words;
  for (std::string word : app.remaining(true)) {
    if (word.ends_with(kNoList)) word.pop_back();
    words += " " + word;
  }
  return "not expected:" + words;
}

int run(std::vector<std::string> arguments) {
  CLI::App app("Mounts OCI image layouts, looks into them, and keeps them", "layoutfs");
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "layoutfs " LAYOUTFS_VERSION);
  app.require_subcommand(0, 1);
  int exit_code = kDone;
  add_mount_command(app, exit_code);
  add_umount_command(app, exit_code);
  add_chroot_command(app, exit_code);
  add_ls_command(app, exit_code);
  add_cat_command(app, exit_code);
  add_inspect_command(app, exit_code);
  add_init_command(app, exit_code);
  add_blob_command(app, exit_code);
  add_ref_command(app, exit_code);
  add_clean_command(app, exit_code);
  add_gc_command(app, exit_code);
  add_fsck_command(app, exit_code);
  add_index_command(app, exit_code);
  add_image_command(app, exit_code);
  add_repos_command(app, exit_code);
  add_tags_command(app, exit_code);
  add_referrers_command(app, exit_code);
  add_push_command(app, exit_code);
  add_pull_command(app, exit_code);
  add_copy_command(app, exit_code);

  if (!arguments.empty() && arguments.front() == kCompleteCommand)
    return complete(app, {arguments.begin() + 1, arguments.end()});

  unmark_values(app);
  mark_brackets(arguments);

  try {
    std::ranges::reverse(arguments);  // as CLI11 takes them
    app.parse(std::move(arguments));
    if (app.get_subcommands().empty()) {
      print_error("no command given; layoutfs --help lists them");
      return kUsage;
    }
  } catch (const CLI::Success& wanted) {  // --help and --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& wrong) {
    print_error(explain(app, wrong));
    return exit_code == kDone ? kUsage : exit_code;  // a command may have one of its own
  }
  return exit_code;
}

// Otherwise what is opened next would be taken for standard input or output. Nothing can be read from these
// either, nor written to them.
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
    // As mount(8) calls it for `mount -t layoutfs` and fstab's fuse.layoutfs: see mount_helper.h.
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
