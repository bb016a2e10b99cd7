// Removes a directory of files that programs of an image have made.
#pragma once

#include <cstdint>
#include <string>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// How other mounts are recognized.
enum class MountCheck : std::uint8_t {
  by_openat2,  // if that call does not exist or is forbidden: by_number
  by_number,   // proc(5): /proc/self/fdinfo
};

// Removes the directory `name` in the open directory `parent`, with everything below it. Follows no symlinks.
// Enters no other mounts: they stay, and so do the directories above them, with EXDEV. If the mount of a
// directory cannot be found, it counts as another one. Directories of this user without the permissions for
// their owner get them first. Continues after an entry that cannot be removed, but stops if the way back up
// is lost, for example because somebody moves a directory meanwhile. Returns the first error. An entry that
// vanishes meanwhile is not an error. Errc::not_found if `name` does not exist. Cost: opens each directory
// once on the way down and once on the way up. Memory: the names in the directories of one path. Holds a few
// descriptors at any depth.
Status remove_tree(int parent, const std::string& name, MountCheck check = MountCheck::by_openat2);

}  // namespace layoutfs::tools
