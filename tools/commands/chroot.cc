// `layoutfs chroot`.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "core/base/split.h"
#include "layoutfs/documents.h"
#include "tools/chroot/foreground_child.h"
#include "tools/chroot/image_root.h"
#include "tools/chroot/image_server.h"
#include "tools/chroot/namespaces.h"
#include "tools/chroot/temporary_upper.h"
#include "tools/chroot/upper_directory.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/kernel_view_choice.h"
#include "tools/cli/name_store.h"
#include "tools/cli/progress.h"
#include "tools/cli/served_image.h"
#include "tools/cli/stop_signals.h"
#include "tools/commands/commit_changes.h"
#include "tools/commands/new_image_arguments.h"

namespace layoutfs::tools {
namespace {

struct ChrootArguments {
  ImageArguments image;
  std::vector<std::string>
      operands;  // LAYOUT[:REF] COMMAND ARG...; without LAYOUT[:REF] if --layout is given
  std::string upper;
  NewImageArguments commit;  // --commit, --force; no reference: nothing is committed
  bool is_read_only = false;
  bool is_kernel_wanted = false;    // --kernel
  bool is_kernel_unwanted = false;  // --no-kernel
  bool is_progress_hidden = false;
};

constexpr std::size_t kMaxList = std::size_t{1} << 24;  // bytes; far more than the longest path needs

// The command and its environment.
struct Execution {
  std::vector<std::string> command;      // empty: a shell
  std::vector<std::string> environment;  // "NAME=VALUE"
  ImageRoot root;
};

// Returns an empty config if the image has none.
Result<ImageConfig> config_of(const LayoutReader& layout, const Descriptor& descriptor) {
  const auto manifest = read_manifest(layout, descriptor);
  if (!manifest) return std::unexpected(manifest.error());
  if (!is_config_type(manifest->config.media_type)) return ImageConfig{};
  return read_config(layout, manifest->config);
}

// Returns defaults, then the image's variables, which override them.
std::vector<std::string> environment_of(const ImageConfig& config) {
  std::vector<std::string> environment{"PATH=" + std::string(kDefaultPath), "HOME=/root"};
  if (const char* terminal = std::getenv("TERM")) environment.push_back(std::string("TERM=") + terminal);
  environment.insert(environment.end(), config.environment.begin(), config.environment.end());
  return environment;
}

// Returns only on failure, with errno.
int execute(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  return errno;
}

[[noreturn]] void become_command(const Execution& execution) {
  const char* shell = std::getenv("SHELL");
  const std::string preferred = shell != nullptr ? shell : "";
  ::clearenv();
  for (const std::string& variable : execution.environment) {
    const std::size_t equals = variable.find('=');
    ::setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
  }
  std::vector<std::string> command = execution.command;
  if (command.empty() && !preferred.empty()) execute({preferred});
  if (command.empty()) command.emplace_back("/bin/sh");
  const int why = execute(command);
  print_error("chroot: " + command.front() + ": " + std::generic_category().message(why));
  ::_exit(why == ENOENT ? kCommandNotFound : kCannotExecute);
}

// The first process of the pid namespace. When it ends, the kernel ends all others in it. Writes the paths
// that enter() has created to the file `made`, each followed by NUL.
[[noreturn]] void run_inside(const Execution& execution, ImageServer server, const UniqueFd& parent,
                             const UniqueFd& made, const ForwardedSignals& signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd ended{parent.get(), 0, 0};
  if (::poll(&ended, 1, 0) != 0) ::_exit(kOwnFailure);  // the parent ended before prctl(2)
  std::vector<std::string> paths;
  auto entered = enter(
      execution.root,
      [&](UniqueFd device, Served served) {
        return server.serve(std::move(device), served, are_users_missing());
      },
      paths);
  std::string list;
  for (const std::string& path : paths) list += path + '\0';
  if (auto written = write_all(made.get(), as_bytes(list), "memfd"); !written) report(written.error());
  server.release();
  const pid_t command = entered ? ::fork() : -1;
  if (command == 0) {
    signals.restore();
    become_command(execution);
  }
  if (entered && command < 0) entered = std::unexpected(Error::system(errno, "fork"));
  if (!entered) report(entered.error());
  ::_exit(entered ? signals.await(command) : kOwnFailure);
}

struct Ended {
  int exit_code;                  // the command's
  std::vector<std::string> made;  // by enter()
};

Result<Ended> run_in_image(const Execution& execution, ImageServer server, const ForwardedSignals& signals) {
  if (auto entered = enter_namespaces(); !entered) return fail(std::move(entered).error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "pipe"));
  const UniqueFd parent(ends[0]);  // polls as hung up when the parent ends
  UniqueFd held_by_parent(ends[1]);
  const UniqueFd made(::memfd_create("made", MFD_CLOEXEC));
  if (!made) return std::unexpected(Error::system(errno, "memfd_create"));
  const TerminalForeground foreground;
  const pid_t inside = ::fork();
  if (inside < 0) return std::unexpected(Error::system(errno, "fork"));
  if (inside == 0) {
    held_by_parent.reset();
    run_inside(execution, std::move(server), parent, made, signals);
  }
  server.release();
  Ended ended{signals.await(inside), {}};
  await_end(server.process());
  if (const auto list = read_all(made.get(), "memfd", kMaxList))
    for (std::string& path : split(as_text(*list), '\0'))
      if (!path.empty()) ended.made.push_back(std::move(path));
  return ended;
}

Result<Ended> serve_and_run(const Execution& execution, const ImagePtr& image,
                            const std::shared_ptr<ImageLibrary>& library,
                            const std::shared_ptr<Filesystem>& view, const ForwardedSignals& signals) {
  auto server = ImageServer::start(image, library, view, signals);
  if (!server) return fail(std::move(server).error());
  return run_in_image(execution, std::move(*server), signals);
}

// Runs the command, with the changes in arguments.upper.
Result<int> run_chroot(ChrootArguments& arguments) {
  const auto layout = open_layout(arguments.image);
  if (!layout) return std::unexpected(layout.error());
  const auto manifest = find_manifest(*layout, arguments.image);
  if (!manifest) return std::unexpected(manifest.error());
  const auto config = config_of(*layout->reader, *manifest);
  if (!config) return fail(Error(config.error()), layout->path);

  auto progress = std::make_shared<std::optional<Progress>>();
  progress->emplace("indexing", !arguments.is_progress_hidden);
  MountOptions options;
  options.cache_dir =
      arguments.image.cache_dir.empty() ? IndexCache::default_directory() : arguments.image.cache_dir;
  const auto library = open_library(*layout, options, progress);
  const auto image = open_complete_image(*layout, *manifest, *library);
  if (!image) return std::unexpected(image.error());
  const std::string source = source_of(*layout, arguments.image);
  std::optional<PreparedView> view;
  if (!arguments.is_kernel_unwanted) {
    auto prepared = prepare_view(*image, manifest->digest, library->resources()->cache(), options);
    if (prepared)
      view = std::move(*prepared);
    else if (arguments.is_kernel_wanted)
      return fail(std::move(prepared).error(), "kernel view");
  }
  progress->reset();

  std::vector<UsedPath> used = used_paths(options);
  used.insert(used.begin(), {.what = "the layout", .path = layout->path});
  // Until the upper directory is clean: a signal that comes earlier than the command is its first one.
  const ForwardedSignals signals;
  auto upper = UpperDirectory::take(arguments.upper, used, manifest->digest);
  if (!upper) return fail(std::move(upper).error());
  auto ended =
      serve_and_run({.command = arguments.operands,
                     .environment = environment_of(*config),
                     .root = {.source = source,
                              .upper = arguments.upper,
                              .is_read_only = arguments.is_read_only,
                              .working_directory = config->working_directory,
                              .view = view ? std::optional(view->mount_options(source)) : std::nullopt,
                              .is_view_needed = arguments.is_kernel_wanted}},
                    *image, library, view ? view->devices(source) : nullptr, signals);
  upper->clean(**image, ended ? ended->made : std::vector<std::string>(),
               ended && ended->exit_code != kOwnFailure);
  if (!ended) return fail(std::move(ended).error());
  return ended->exit_code;
}

std::string history_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text.empty() ? "/bin/sh" : text;
}

// Runs the command, and makes an image of its changes if it succeeds.
Result<int> run_and_commit(ChrootArguments& arguments) {
  auto changes = changes_of(arguments.commit, {}, history_text(arguments.operands));
  if (!changes) return fail(std::move(changes).error());
  auto layout = open_image_layout(arguments.image, arguments.commit, {});
  if (!layout) return fail(std::move(layout).error());
  std::optional<TemporaryUpper> temporary;
  if (arguments.upper.empty()) {
    auto created = TemporaryUpper::create();
    if (!created) return fail(std::move(created).error());
    temporary.emplace(std::move(*created));
    arguments.upper = temporary->path();
  }
  const auto ended = run_chroot(arguments);
  if (!ended) return ended;
  if (*ended != kDone) {
    print_notice("note: not committed, because the command failed with status " + std::to_string(*ended));
    return ended;
  }
  const StopSignals signals;
  const CommitOptions options{.cache_dir = arguments.image.cache_dir,
                              .is_progress_hidden = arguments.is_progress_hidden,
                              .may_be_empty = true};
  const auto digest = commit_changes(*layout, arguments.upper, arguments.commit, std::move(*changes), options,
                                     signals.context());
  if (!digest) return fail(Error(digest.error()));
  print_notice("committed " + arguments.commit.reference + ": " + digest->str());
  return ended;
}

Result<int> chroot(ChrootArguments arguments) {
  if (auto taken = arguments.image.take_operand("chroot", arguments.operands); !taken)
    return fail(std::move(taken).error());
  return arguments.commit.reference.empty() ? run_chroot(arguments) : run_and_commit(arguments);
}

}  // namespace

void add_chroot_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ChrootArguments>();
  const Command command =
      program.add_subcommand("chroot", "Run a command in the root filesystem of an image");
  command.usage(std::string(kImageKind) + " [COMMAND [ARG...]]");
  command.example("layoutfs chroot ./img:app", "the image's own command, or a shell");
  command.example("layoutfs chroot --upper ./changes ./img:app apt-get update");
  command.example("layoutfs chroot --commit app-2 ./img:app apt-get update", "a new image");
  command.add_option("OPERANDS", arguments->operands, "")
      .type_name(std::string(kImageKind) + " [COMMAND [ARG...]]");
  command.end_options_at_operand();  // options after the image belong to the command
  arguments->image.add_options(command);
  const Option upper =
      command.add_option("--upper", arguments->upper, "Keep changes in DIR (default: discard them on exit)")
          .type_name("DIR")
          .group("Changes");
  const Option read_only =
      command.add_flag("--read-only", arguments->is_read_only, "Make the root filesystem read-only")
          .excludes(upper)
          .group("Changes");
  const Option commit =
      command
          .add_option("--commit", arguments->commit.reference,
                      "If the command succeeds, make an image of the changes: reference NEWREF")
          .type_name("NEWREF")
          .not_empty()
          .group("Changes");
  read_only.excludes(commit);
  command.add_flag("-f,--force", arguments->commit.is_forced, "Replace NEWREF if it exists")
      .needs(commit)
      .group("Changes");
  const Option kernel = command.add_flag("--kernel", arguments->is_kernel_wanted,
                                         "Show the image by the kernel's EROFS, or fail");
  command
      .add_flag("--no-kernel", arguments->is_kernel_unwanted,
                "Show the image by FUSE (default: by EROFS if possible)")
      .excludes(kernel);
  add_progress_option(command, arguments->is_progress_hidden);
  // All other exit codes are the command's.
  command.when_named([&exit_code] { exit_code = kOwnFailure; });
  command.callback([arguments, &exit_code] {
    const auto ended = chroot(std::move(*arguments));
    exit_code = ended ? *ended : static_cast<int>(kOwnFailure);
    if (!ended) report(ended.error());
  });
}

}  // namespace layoutfs::tools
