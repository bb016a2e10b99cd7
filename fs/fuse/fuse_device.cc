// Opens the device, mounts with it without libfuse, and sets its kernel parameters.
#include "fs/fuse/fuse_device.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace layoutfs {

Result<UniqueFd> open_device() {
  UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) return fail(Errc::mount_failed, Error::system(errno, "cannot open /dev/fuse").message());
  return device;
}

Result<UniqueFd> mount_device(const std::string& mount_point, const std::string& source) {
  auto device = open_device();
  if (!device) return device;
  const std::string options = "fd=" + std::to_string(device->get()) +
                              ",rootmode=40000,user_id=" + std::to_string(::geteuid()) +
                              ",group_id=" + std::to_string(::getegid()) + ",default_permissions,allow_other";
  if (::mount(source.c_str(), mount_point.c_str(), "fuse.layoutfs", MS_RDONLY | MS_NOSUID | MS_NODEV,
              options.c_str()) != 0)
    return fail(Errc::mount_failed, Error::system(errno, "cannot mount on " + mount_point).message());
  return device;
}

std::string device_name(dev_t device) {
  return std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

void widen_read_ahead(const std::string& device) {
  std::ofstream file("/sys/class/bdi/" + device + "/read_ahead_kb");
  file << 1024;
}

}  // namespace layoutfs
