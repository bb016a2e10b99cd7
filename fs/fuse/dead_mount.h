// Mounts whose server has ended without taking them down, as by SIGKILL: nothing of them can be used, with
// ENOTCONN, until somebody unmounts them.
#pragma once

#include <string>

namespace layoutfs {

// Whether the FUSE mount on an absolute path is one. False if this process may not ask it, as a mount of
// another user, or if it does not answer within a second. Programs with one thread only: forks.
bool is_dead_mount(const std::string& mount_point);

// Returns why a mount point that is_dead_mount() cannot be used, and the command that takes the mount down.
std::string explain_dead_mount(const std::string& mount_point);

// The same of the FUSE mount that `path` lies on or below, by its text, if that is dead, or else of all that
// are. Empty if there are none.
std::string explain_dead_mounts(const std::string& path = "");

}  // namespace layoutfs
