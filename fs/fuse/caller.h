// The rights of the process that made a request.
#pragma once

#include <sys/types.h>

namespace layoutfs {

// The user of a request if the kernel does not tell: on a mount that may be idmapped, it does so only when a
// file is created (FUSE_INVALID_UIDGID).
inline constexpr uid_t kUnknownUser = static_cast<uid_t>(-1);

// Returns whether the caller may read trusted.*, which may be listed only then (xattr(7)): it needs
// CAP_SYS_ADMIN in the first user namespace, and the mount must belong to that namespace. `user` is the user
// of the request, `thread` its thread; if that is 0 (unknown), root may. If an overlayfs copies a file for
// the caller, the answer is for the overlayfs, which may.
bool may_read_trusted(uid_t user, pid_t thread);

}  // namespace layoutfs
