// Namespaces for private mounts and processes.
#pragma once

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Makes the next child of this process the first of a new pid namespace. An ordinary user first becomes root
// of a new user namespace, which the child shares. No other thread may run. Errc::mount_failed.
Status enter_namespaces();

}  // namespace layoutfs::tools
