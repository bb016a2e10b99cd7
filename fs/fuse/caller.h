// The rights of the process that made a request.
#pragma once

#include <sys/types.h>

namespace layoutfs {

// Returns whether the caller may read trusted.*, which may be listed only then (xattr(7)): it needs
// CAP_SYS_ADMIN in the first user namespace, and the mount must belong to that namespace. `user` is the user
// of the request, `thread` its thread; if that is 0 (unknown), root may.
bool may_read_trusted(uid_t user, pid_t thread);

}  // namespace layoutfs
