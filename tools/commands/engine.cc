// `layoutfs engine`, and `layoutfs engine podman`.
#include "tools/commands/engine.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/oci/repository_tree.h"
#include "tools/cli/store.h"
#include "tools/engine/podman_setup.h"
#include "tools/engine/shell_command.h"

namespace layoutfs::tools {
namespace {

struct Arguments {
  std::vector<std::string> layouts;
  std::string repositories;  // a directory of layouts
  std::string name;
  bool is_for_root = false, is_for_user = false;
  bool installs = false, removes = false;
};

// Checks that there is something to mount. Returns its absolute path.
Result<std::string> checked_layout(const std::string& operand, bool is_of_repositories,
                                   const Arguments& arguments) {
  std::error_code failed;
  const auto absolute = [&failed](const std::string& path) {
    return std::filesystem::absolute(path, failed).lexically_normal().string();
  };
  // A layout to remove need not exist any more.
  if (arguments.removes) return absolute(operand);
  if (is_of_repositories) {
    const RepositoryTree tree(absolute(operand));
    if (const auto found = tree.level(""); !found) return fail(Error(found.error()));
    return absolute(operand);
  }
  LayoutArguments layout{.layout = operand};
  auto opened = open_to_read(layout);
  if (!opened) return fail(std::move(opened).error());
  return absolute(opened->path);
}

Result<std::vector<PodmanSetup>> setups_of(const Arguments& arguments) {
  const std::size_t count = arguments.layouts.size() + (arguments.repositories.empty() ? 0 : 1);
  if (count == 0) return fail(missing_operand("engine podman", "LAYOUT"));
  if (!arguments.name.empty() && count > 1)
    return fail(Errc::invalid_argument, "--name names one layout, and there are several");
  const bool is_for_root = arguments.is_for_root || (!arguments.is_for_user && ::geteuid() == 0);
  std::vector<PodmanSetup> setups;
  std::set<std::string> names;
  const auto add = [&](const std::string& operand, bool is_of_repositories) -> Status {
    const auto layout = checked_layout(operand, is_of_repositories, arguments);
    if (!layout) return fail(Error(layout.error()));
    const std::string name = arguments.name.empty() ? setup_name(*layout) : arguments.name;
    if (!names.insert(name).second)
      return fail(Error(Errc::invalid_argument, operand + ": another layout has the name '" + name + "', too")
                      .with_hint("give one of them another: --name NAME"));
    auto setup =
        podman_setup(is_for_root ? SetupScope::root : SetupScope::user, *layout, is_of_repositories, name);
    if (!setup) return fail(std::move(setup).error());
    setups.push_back(*std::move(setup));
    return {};
  };
  for (const std::string& layout : arguments.layouts)
    if (auto added = add(layout, false); !added) return fail(std::move(added).error());
  if (!arguments.repositories.empty())
    if (auto added = add(arguments.repositories, true); !added) return fail(std::move(added).error());
  return setups;
}

// Prints each file, and then the commands.
Status print(const PodmanSetup& setup, Output& output) {
  auto configuration = configuration_with(setup);
  if (!configuration) return fail(std::move(configuration).error());
  std::vector<SetupFile> files = setup.files;
  files.push_back(*std::move(configuration));
  for (const SetupFile& file : files) output << "# ==> " << file.path << "\n" << file.content << "\n";
  const std::string user = setup.scope == SetupScope::user ? " --user" : "";
  output << "# ==> commands\n"
         << shell_line({"mkdir", "-p", setup.store}) << "\n"
         << "systemctl" << user << " daemon-reload\n"
         << "systemctl" << user << " enable --now " << shell_line({setup.unit}) << "\n";
  return {};
}

int run(const Arguments& arguments) {
  const auto setups = setups_of(arguments);
  if (!setups) return report(setups.error());
  return with_output([&](Output& output) -> int {
    for (const PodmanSetup& setup : *setups) {
      if (!arguments.installs && !arguments.removes) {
        if (auto printed = print(setup, output); !printed) return report(printed.error());
        continue;
      }
      const auto changed = arguments.installs ? install(setup) : uninstall(setup);
      if (!changed) return report_write(changed.error());
      for (const std::string& path : *changed)
        print_notice((arguments.installs ? "wrote " : "removed or changed ") + path);
      if (changed->empty()) print_notice(setup.store + ": nothing to do");
      if (arguments.installs && !has_systemd(setup.scope))
        print_notice("systemd does not run here; mount it with: " + shell_line(setup.mount));
    }
    return kDone;
  });
}

}  // namespace

void add_engine_podman_command(Command engine, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  const Command command =
      engine.add_subcommand("podman", "Let podman, buildah, skopeo and CRI-O use the images of layouts");
  command.usage("LAYOUT...").usage("--repositories DIR");
  command.example("layoutfs engine podman ./img", "print what --install would write");
  command.example("layoutfs engine podman --install /srv/img && podman images");
  command.example("layoutfs engine podman --remove /srv/img");
  command.add_option("LAYOUT", arguments->layouts, "");
  command.start_group("Setup");
  const Option installs =
      command.add_flag("--install", arguments->installs, "Write the files, and mount now and at every start");
  command.add_flag("--remove", arguments->removes, "Undo --install").excludes(installs);
  const Option for_root =
      command.add_flag("--root", arguments->is_for_root, "For root's engines (default for root)");
  command.add_flag("--user", arguments->is_for_user, "For this user's podman (default for other users)")
      .excludes(for_root);
  command.add_option("--name", arguments->name, "Name of the store (default: the layout's directory)")
      .type_name("NAME")
      .not_empty();
  command
      .add_option("--repositories", arguments->repositories,
                  "Set up a directory of layouts, each as a repository")
      .type_name("DIR")
      .not_empty();
  command.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

void add_engine_command(Command program, int& exit_code) {
  const Command command = program.add_subcommand("engine", "Set up container engines to use layouts");
  add_engine_podman_command(command, exit_code);
}

}  // namespace layoutfs::tools
