// The files of a permanent mount for podman, and their installation.
//
// Root's mount is an instance of layoutfs@.service. A user's podman sees only the mounts of its own user and
// mount namespace, which `podman unshare` enters, so its service mounts there.
#include "tools/engine/podman_setup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/environment.h"
#include "core/base/file.h"
#include "fs/fuse/mount_table.h"
#include "tools/cli/files.h"
#include "tools/engine/shell_command.h"
#include "tools/engine/storage_conf.h"

namespace layoutfs::tools {
namespace {

constexpr std::size_t kMostConfiguration = std::size_t{1} << 20;
// The services that must find the store mounted.
constexpr std::string_view kEngines =
    "podman.service podman.socket podman-restart.service podman-auto-update.service crio.service";

Result<std::string> user_directory(const char* name, std::string_view below_home) {
  std::string directory = xdg_directory(name, below_home);
  if (!directory.starts_with('/')) return fail(Errc::failed_precondition, "HOME is not set");
  return directory;
}

// A value in an EnvironmentFile (systemd.exec(5)), or a word of a command line (systemd.service(5)) if
// `is_word`, where % and $ have a meaning.
std::string quoted(std::string_view text, bool is_word) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (is_word && (c == '%' || c == '$')) quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words)
    line += (line.empty() ? "" : " ") +
            (word.find_first_of(" \t\"'\\%$;") == std::string::npos ? word : quoted(word, true));
  return line;
}

PodmanSetup setup_of_root(const std::string& layout, bool is_of_repositories, const std::string& name) {
  const std::string instance = "podman-" + name, store = "/var/lib/layoutfs-podman/" + name;
  const std::string options =
      std::string("-o view=containers-storage,allow_other") + (is_of_repositories ? ",repositories" : "");
  PodmanSetup setup{.scope = SetupScope::root,
                    .store = store,
                    .storage_conf = "/etc/containers/storage.conf",
                    .storage = "/var/lib/containers/storage",
                    .files = {},
                    .unit = "layoutfs@" + instance + ".service",
                    .mount = {"layoutfs", "mount"}};
  setup.mount.insert(setup.mount.end(), {"-o", options.substr(3), "--", layout, store});
  setup.files.push_back({"/etc/layoutfs/" + instance + ".conf",
                         kSetupMark + ("LAYOUT=" + quoted(layout, false)) + "\nMOUNTPOINT=" +
                             quoted(store, false) + "\nOPTIONS=" + quoted(options, false) + "\n"});
  setup.files.push_back({"/etc/systemd/system/" + setup.unit + ".d/podman.conf",
                         std::string(kSetupMark) + "[Unit]\nBefore=" + std::string(kEngines) + "\n"});
  return setup;
}

Result<PodmanSetup> setup_of_user(const std::string& layout, bool is_of_repositories,
                                  const std::string& name) {
  auto config = user_directory("XDG_CONFIG_HOME", ".config");
  if (!config) return fail(std::move(config).error());
  auto data = user_directory("XDG_DATA_HOME", ".local/share");
  if (!data) return fail(std::move(data).error());
  PodmanSetup setup{.scope = SetupScope::user,
                    .store = *data + "/layoutfs-podman/" + name,
                    .storage_conf = *config + "/containers/storage.conf",
                    .storage = *data + "/containers/storage",
                    .files = {},
                    .unit = "layoutfs-podman-" + name + ".service",
                    .mount = {"podman", "unshare", "layoutfs", "mount", "-o"}};
  setup.mount.push_back(std::string("view=containers-storage") + (is_of_repositories ? ",repositories" : ""));
  setup.mount.insert(setup.mount.end(), {"--", layout, setup.store});
  const std::vector<std::string> unmount{"podman", "unshare", "layoutfs", "umount", "-z", "--", setup.store};
  setup.files.push_back({*config + "/systemd/user/" + setup.unit,
                         kSetupMark + ("[Unit]\nDescription=OCI image layout " + name + " for podman\n") +
                             "Before=podman.service podman.socket podman-restart.service\n\n"
                             "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                             "# The first time, images are read through.\nTimeoutStartSec=infinity\n"
                             "ExecStart=" +
                             command_line(setup.mount) + "\nExecStop=" + command_line(unmount) +
                             "\n\n[Install]\nWantedBy=default.target\n"});
  return setup;
}

// Returns the content of a small file; nullopt if it does not exist.
Result<std::optional<std::string>> content_of(const std::string& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (!file && file.error().code() == Errc::not_found) return std::nullopt;
  if (!file) return fail(Error(file.error()));
  const auto bytes = read_all(file->get(), path, kMostConfiguration);
  if (!bytes) return fail(Error(bytes.error()));
  return std::string(as_text(*bytes));
}

Status make_directories(const std::string& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) return fail(Error::system(failed.value(), path));
  return {};
}

Status write_file(const SetupFile& file) {
  if (auto created = make_directories(std::filesystem::path(file.path).parent_path()); !created)
    return created;
  auto output = OutputFile::create(file.path);
  if (!output) return fail(Error(output.error()));
  if (auto written = output->write(as_bytes(file.content)); !written) return written;
  return output->commit();
}

// Refuses to replace a file of somebody else.
Status check_own(const std::string& path) {
  const auto content = content_of(path);
  if (!content) return fail(Error(content.error()));
  if (!*content || (*content)->starts_with(kSetupMark)) return {};
  return fail(Error(Errc::already_exists, path + ": was not written by layoutfs engine")
                  .with_hint("use another name: --name NAME"));
}

// podman keeps the driver of its first use: for users of Debian 12 that is vfs, which has no additional
// stores. With a configuration that names one, podman would then refuse every command.
Status check_driver(const PodmanSetup& setup) {
  std::error_code failed;
  const std::filesystem::path storage(setup.storage);
  if (std::filesystem::exists(setup.storage_conf, failed) ||
      !std::filesystem::exists(storage / "vfs", failed) ||
      std::filesystem::exists(storage / "overlay", failed))
    return {};
  return fail(
      Error(Errc::unsupported,
            setup.storage + ": podman's own store has the driver vfs, and only overlay has additional stores")
          .with_hint("'podman system reset' removes that store with all its images and containers"));
}

std::vector<std::string> systemctl(SetupScope scope, std::vector<std::string> words) {
  words.insert(words.begin(), "systemctl");
  if (scope == SetupScope::user) words.insert(words.begin() + 1, "--user");
  return words;
}

Error of_configuration(Error error, const PodmanSetup& setup) {
  return std::move(error)
      .with(setup.storage_conf)
      .with_hint("add it there by hand: additionalimagestores = [\"" + setup.store + "\"]");
}

}  // namespace

std::string setup_name(const std::string& layout) {
  std::filesystem::path path(layout);
  if (!path.has_filename()) path = path.parent_path();
  std::string name = path.filename();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') c = '-';
  return name;
}

Result<PodmanSetup> podman_setup(SetupScope scope, const std::string& layout, bool is_of_repositories,
                                 const std::string& name) {
  constexpr std::size_t kMostName = 200;  // names of units have at most 255 bytes
  if (setup_name(name) != name || name.find_first_not_of(".-") == std::string::npos ||
      name.size() > kMostName)
    return fail(Errc::invalid_argument, "--name " + name + ": not a name of letters, digits, '-', '_', '.'");
  if (scope == SetupScope::root) return setup_of_root(layout, is_of_repositories, name);
  return setup_of_user(layout, is_of_repositories, name);
}

Result<SetupFile> configuration_with(const PodmanSetup& setup) {
  const auto before = content_of(setup.storage_conf);
  if (!before) return fail(Error(before.error()));
  if (!*before)
    return SetupFile{setup.storage_conf, new_storage_conf(setup.store, setup.scope == SetupScope::user)};
  auto changed = add_image_store(**before, setup.store);
  if (!changed) return fail(of_configuration(std::move(changed).error(), setup));
  return SetupFile{setup.storage_conf, *std::move(changed)};
}

bool has_systemd(SetupScope scope) {
  std::error_code failed;
  if (scope == SetupScope::root) return std::filesystem::exists("/run/systemd/system", failed);
  const std::string directory = environment_variable("XDG_RUNTIME_DIR");
  return !directory.empty() && std::filesystem::exists(directory + "/systemd/private", failed);
}

Result<std::vector<std::string>> install(const PodmanSetup& setup) {
  auto configuration = configuration_with(setup);
  if (!configuration) return fail(std::move(configuration).error());
  for (const SetupFile& file : setup.files)
    if (auto checked = check_own(file.path); !checked) return fail(std::move(checked).error());
  if (auto checked = check_driver(setup); !checked) return fail(std::move(checked).error());
  std::vector<SetupFile> files = setup.files;
  files.push_back(*std::move(configuration));  // last: podman fails if the mount point does not exist
  if (auto created = make_directories(setup.store); !created) return fail(std::move(created).error());
  std::vector<std::string> changed;
  for (const SetupFile& file : files) {
    const auto before = content_of(file.path);
    if (before && *before && **before == file.content) continue;
    if (auto written = write_file(file); !written) return fail(std::move(written).error());
    changed.push_back(file.path);
  }
  if (!has_systemd(setup.scope)) return changed;
  for (const auto& words :
       {std::vector<std::string>{"daemon-reload"}, {"enable", setup.unit}, {"restart", setup.unit}})
    if (auto ran = run_command(systemctl(setup.scope, words)); !ran) return fail(std::move(ran).error());
  return changed;
}

Result<std::vector<std::string>> uninstall(const PodmanSetup& setup) {
  for (const SetupFile& file : setup.files)
    if (auto checked = check_own(file.path); !checked) return fail(std::move(checked).error());
  const auto before = content_of(setup.storage_conf);
  if (!before) return fail(Error(before.error()));
  std::string after;
  if (*before) {
    auto without = remove_image_store(**before, setup.store);
    if (!without) return fail(of_configuration(std::move(without).error(), setup));
    after = *std::move(without);
  }
  std::error_code failed;
  std::vector<std::string> changed;
  if (has_systemd(setup.scope) && std::filesystem::exists(setup.files.front().path, failed))
    if (auto ran = run_command(systemctl(setup.scope, {"disable", "--now", setup.unit})); !ran)
      return fail(std::move(ran).error());
  if (find_mount(setup.store))
    return fail(Error(Errc::denied, setup.store + ": is mounted")
                    .with_hint("unmount it first: " + shell_line({"layoutfs", "umount", setup.store})));
  if (*before && after != **before) {
    const bool is_ours = **before == new_storage_conf(setup.store, setup.scope == SetupScope::user);
    if (is_ours && ::unlink(setup.storage_conf.c_str()) != 0)
      return fail(Error::system(errno, setup.storage_conf));
    if (!is_ours)
      if (auto written = write_file({setup.storage_conf, after}); !written)
        return fail(std::move(written).error());
    changed.push_back(setup.storage_conf);
  }
  for (const SetupFile& file : setup.files) {
    if (!std::filesystem::exists(file.path, failed)) continue;
    if (::unlink(file.path.c_str()) != 0) return fail(Error::system(errno, file.path));
    changed.push_back(file.path);
    ::rmdir(std::filesystem::path(file.path).parent_path().c_str());  // only if it was made for this file
  }
  // Without the mount, podman makes directories and lock files there.
  if (std::filesystem::remove_all(setup.store, failed) > 0 && !failed) changed.push_back(setup.store);
  if (failed) return fail(Error::system(failed.value(), setup.store));
  if (has_systemd(setup.scope) && !changed.empty())
    if (auto ran = run_command(systemctl(setup.scope, {"daemon-reload"})); !ran)
      return fail(std::move(ran).error());
  return changed;
}

}  // namespace layoutfs::tools
