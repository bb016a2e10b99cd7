// Mounts whose server ended without unmounting, e.g. by SIGKILL. Every use fails with ENOTCONN until they are
// unmounted.
#pragma once

#include <string>

namespace layoutfs {

// Returns whether the FUSE mount on an absolute path is dead. Returns false if this process may not ask it,
// e.g. because it belongs to another user, or if it does not answer within a second. Single-threaded programs
// only: forks.
bool is_dead_mount(const std::string& mount_point);

// Returns the reason why a dead mount point is unusable, and the command that unmounts it.
std::string explain_dead_mount(const std::string& mount_point);

// The same for the FUSE mount that contains `path` (compared as text) if it is dead, or for all dead mounts.
// Returns "" if there are none.
std::string explain_dead_mounts(const std::string& path = "");

}  // namespace layoutfs
