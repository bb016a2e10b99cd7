// `mount.layoutfs`, as mount(8) runs it: SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE].
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace layoutfs::tools {

// Translates the helper's arguments to those of `layoutfs mount`, runs them with `run`, and translates the
// exit code to the bits of mount(8): 0 mounted, 1 wrong arguments, 32 not mounted. For root `dev` and `suid`
// are on unless the options say otherwise.
int run_mount_helper(const std::vector<std::string>& arguments,
                     const std::function<int(std::vector<std::string>)>& run);

}  // namespace layoutfs::tools
