// The overlays that are mounted on this system.
#pragma once

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns whether the open directory is the upper directory of a mounted overlay, in the mount namespace of
// any process with a table that this one may read. The table has the path that was given to mount(2). A
// relative one counts if the path of the directory ends with it, and the root of the overlay has the times of
// the directory. Errors if the own table or the list of the processes cannot be read. Cost: reads a link for
// each process, and one table for each mount namespace.
Result<bool> is_upper_of_overlay(const UniqueFd& directory);

}  // namespace layoutfs::tools
