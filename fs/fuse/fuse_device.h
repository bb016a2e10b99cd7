// The device with which a program serves a mount to the kernel (fuse(4)).
#pragma once

#include <sys/types.h>

#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Errc::mount_failed, with the device and the reason, if it cannot be opened.
Result<UniqueFd> open_device();

// Mounts a filesystem in the namespaces of this process; another process will serve it, which uses the
// descriptor as the mount point /dev/fd/N of its session. Until then, accesses to the mount block.
// Errc::mount_failed if it fails.
Result<UniqueFd> mount_device(const std::string& mount_point, const std::string& source);

// Returns the name of a device in the kernel's tables: "0:57".
std::string device_name(dev_t device);

// Widens the kernel's read-ahead to 1 MiB, which is the largest request. The default of 128 KiB halves the
// speed of a first read; 4 MiB cost a fifth of it, because the pages leave the processor's cache before they
// are read. Only root may change it; a failure costs only speed. `device` is the device of the mount
// ("0:57"), which must have answered once, because the kernel sets its own value at the first answer.
void widen_read_ahead(const std::string& device);

}  // namespace layoutfs
