// Shows an image by the kernel's EROFS, which reads the content of files from a server.
//
// The server is behind a FUSE mount that no directory shows. EROFS keeps its files open, and nothing else
// does: when the last mount of the EROFS is gone, the FUSE mount ends, too, and with it the session of its
// server. So a single umount(2), also a lazy one or the end of a mount namespace, takes down everything.
//
//   make_hidden_mount()      the FUSE mount; from now on a FuseSession answers its device, with ErofsDevices
//   mount_view()             opens the files of the hidden mount, and mounts EROFS with them
//   attach_mount()           shows the EROFS on a directory
//
// Needs root of the initial user namespace, and Linux 6.12 for EROFS in files.
#pragma once

#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct HiddenMount {
  UniqueFd device;  // for the session
  UniqueFd mount;   // its root
};
// Requests block until a session answers them. Errc::mount_failed.
Result<HiddenMount> make_hidden_mount();

// Returns the path for ErofsDevices that the kernel shows as the source of the mount: kViewSource and `name`,
// shortened if it is longer than the kernel accepts.
std::string view_source(const std::string& name);

struct ViewOptions {
  std::string source;               // of the ErofsDevices
  bool is_metadata_stored = false;  // the ErofsDevices have a link
  bool has_acls = false;            // which the kernel must enforce
  unsigned attributes = 0;          // MOUNT_ATTR_* besides read-only
};
// Returns an EROFS mount that no directory shows yet. If the kernel does not accept the stored metadata, e.g.
// because it is on tmpfs or overlayfs, it is read from the server. Changes the working directory of this
// thread, which must share it with no other thread, during the call. Errc::mount_failed.
Result<UniqueFd> mount_view(const UniqueFd& hidden, const ViewOptions& options);

}  // namespace layoutfs
