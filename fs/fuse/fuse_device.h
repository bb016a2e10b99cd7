// The device by which a program serves a mount to the kernel (fuse(4)).
#pragma once

#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Errc::mount_failed, naming the device and the reason.
Result<UniqueFd> open_device();

// Mounts, in the namespaces of this process and for all who are in them, what another process is to serve:
// that one takes the descriptor as the mount point /dev/fd/N of its session. Until it does, whoever looks
// into the mount waits. Errc::mount_failed.
Result<UniqueFd> mount_device(const std::string& mount_point, const std::string& source);

// The default of 128 KiB halves the speed of a first read. Only root may change it; without it nothing but
// speed is lost. `device` is that of the mount, "0:57", which must have answered once: with the first answer
// the kernel sets a value of its own.
void widen_read_ahead(const std::string& device);

}  // namespace layoutfs
