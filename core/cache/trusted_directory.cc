// Directories that only this user and root can write.
#include "core/cache/trusted_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace layoutfs {

bool is_trusted(const struct stat& status) noexcept {
  return (status.st_uid == ::geteuid() || status.st_uid == 0) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Status make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // A directory that is there may answer something else, such as EROFS.
      const int error = errno;
      struct stat status{};
      if (::stat(part.c_str(), &status) != 0) return fail(Error::system(error, "cannot make " + part));
    }
    if (slash == std::string::npos) return {};
  }
}

Result<UniqueFd> open_trusted_directory(const std::string& path) {
  auto directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory;
  const auto status = stat_of(directory->get(), path);
  if (!status) return fail(Error(status.error()));
  if (!is_trusted(*status)) return fail(Errc::invalid_argument, path + ": others can write this directory");
  return directory;
}

}  // namespace layoutfs
