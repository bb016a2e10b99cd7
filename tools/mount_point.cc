#include "tools/mount_point.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "fs/fuse_session.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Errc::mount_failed, "mount point " + path + ": " + why);
}
std::unexpected<Error> refuse(const std::string& path, int errno_value) {
  return refuse(path, std::generic_category().message(errno_value));
}

}  // namespace

Result<MountPoint> MountPoint::prepare(const std::string& path) {
  if (path.starts_with("/dev/fd/")) return MountPoint(path, false);
  const bool is_made = ::mkdir(path.c_str(), 0755) == 0;
  if (!is_made && errno != EEXIST) return refuse(path, errno);
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return refuse(path, errno);
  MountPoint prepared(real.get(), is_made);
  if (is_mounted(prepared.path())) return refuse(path, "busy: a layout is mounted there already");
  struct stat found;
  if (::stat(real.get(), &found) != 0) return refuse(path, errno);
  if (!S_ISDIR(found.st_mode)) return refuse(path, ENOTDIR);
  return prepared;
}

MountPoint::MountPoint(MountPoint&& other) noexcept
    : path_(std::move(other.path_)), is_made_(std::exchange(other.is_made_, false)) {}

MountPoint::~MountPoint() {
  if (is_made_) ::rmdir(path_.c_str());
}

}  // namespace layoutfs::tools
