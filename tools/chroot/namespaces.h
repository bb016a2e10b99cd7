// The rights to make mounts and processes that are seen by themselves alone.
#pragma once

#include "layoutfs/error.h"

namespace layoutfs::tools {

// The next child of this process is the first of a new pid namespace. An ordinary user becomes root of a new
// user namespace for that; the next child too. No thread may run. Errc::mount_failed.
Status enter_namespaces();

}  // namespace layoutfs::tools
