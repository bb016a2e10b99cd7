// The process that asks something of a mount.
#pragma once

#include <sys/types.h>

namespace layoutfs {

// Returns whether reading trusted.* is allowed to it, as trusted.* is listed only then (xattr(7)): with
// CAP_SYS_ADMIN in the first user namespace, of which the mount must be. `user` is the one whose rights the
// request has, `thread` who makes it; 0 if that is unknown, and then root is allowed to.
bool may_read_trusted(uid_t user, pid_t thread);

}  // namespace layoutfs
