// The helper `mount.layoutfs`, which mount(8) runs: SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE].
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace layoutfs::tools {

// Translates the helper's arguments to those of `layoutfs mount`, and passes them to `run`. Returns an exit
// code of mount(8): 0 mounted, 1 wrong arguments, 32 not mounted. For root, `dev` and `suid` are on by
// default.
int run_mount_helper(const std::vector<std::string>& arguments,
                     const std::function<int(std::vector<std::string>)>& run);

}  // namespace layoutfs::tools
