// The processes that keep a mount busy.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace layoutfs {

struct MountUser {
  pid_t pid;
  std::string command;  // the process's name, of 15 bytes at most (proc(5), "comm")
  std::string use;      // "working directory", "root directory", "open file" or "mapped file"
};

// Returns the processes of this pid namespace whose working directory, root, open files or mapped files are
// on the mount, each once, by their numbers. Reads links in /proc and asks nothing of the mount, so it works
// for a dead one. Processes that the caller may not look into (ptrace(2)) are not found.
std::vector<MountUser> users_of_mount(const std::string& mount_point);

}  // namespace layoutfs
