#pragma once

#include <string>

namespace layoutfs {

// Returns a path that leads to an open file, also for other processes with the same descriptor (proc(5)). For
// functions that accept no descriptor.
inline std::string path_in_proc(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace layoutfs
