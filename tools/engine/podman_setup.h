// The permanent mount of a layout as an image store of podman, and podman's knowledge of it: the files, and
// the service that mounts.
#pragma once

#include <string>
#include <vector>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Root's engines, or the podman of the calling user.
enum class SetupScope { root, user };

struct SetupFile {
  std::string path;
  std::string content;
};

struct PodmanSetup {
  SetupScope scope;
  std::string store;             // the mount point, which exists also if nothing is mounted: podman needs it
  std::string storage_conf;      // the path of podman's configuration
  std::string storage;           // the directory of podman's own store, if the configuration names no other
  std::vector<SetupFile> files;  // of the service; each begins with kSetupMark
  std::string unit;              // the service
  std::vector<std::string> mount;  // the command that the service runs
};

inline constexpr const char* kSetupMark = "# Written by `layoutfs engine podman`.\n";

// Returns the setup for `layout`, an absolute path (of a directory of layouts if `is_of_repositories`), under
// `name`. Errc::invalid_argument if `name` has other characters than letters, digits, '-', '_' and '.'.
// Errc::failed_precondition if a user has no home directory.
Result<PodmanSetup> podman_setup(SetupScope scope, const std::string& layout, bool is_of_repositories,
                                 const std::string& name);

// Returns a name for a layout from the last component of its path.
std::string setup_name(const std::string& layout);

// Returns podman's configuration with the store, or the error of add_image_store(), naming the file.
Result<SetupFile> configuration_with(const PodmanSetup& setup);

// Writes all files, creates the mount point, and starts the service if systemd runs. Changes nothing if a
// file of the service exists that this did not write, if podman's configuration cannot be changed, or if its
// own store has another driver than overlay. Returns the paths of the files that were changed.
Result<std::vector<std::string>> install(const PodmanSetup& setup);
// Undoes install(): stops the service, and removes the files and the mount point. Removes podman's
// configuration if nothing else is in it.
Result<std::vector<std::string>> uninstall(const PodmanSetup& setup);

// Returns whether systemd manages the services of the scope.
bool has_systemd(SetupScope scope);

}  // namespace layoutfs::tools
