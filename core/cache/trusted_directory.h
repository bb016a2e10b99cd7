// Directories of caches: what is read there decides what an image seems to hold, so nobody else may write
// them, nor put other directories in their place.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns true if nobody but this user and root can have written the file or directory of `status`.
bool is_trusted(const struct stat& status) noexcept;

enum class IfMissing : std::uint8_t { fail, create };

// Opens the directory at `path` component by component, each below the handle of the one before, so that
// nothing can be exchanged in between. Each directory on the way, with those that symlinks lead through, must
// belong to this user or root, and others may write it only if it is sticky, as /tmp is; the last one must be
// trusted. Symlinks must belong to this user or root.
// With IfMissing::create, missing directories are made, 0700, also on the way.
// Errc::not_found if it does not exist; Errc::invalid_argument if others could have put it there, or can
// write it; Errc::io and others of openat(2) and mkdirat(2). Cost: some four system calls for each component.
Result<UniqueFd> open_trusted_directory(const std::string& path, IfMissing if_missing = IfMissing::fail);

// The same for `relative` below a directory that is trusted, and at `path`.
Result<UniqueFd> open_trusted_directory(const UniqueFd& directory, const std::string& path,
                                        const std::string& relative, IfMissing if_missing);

}  // namespace layoutfs
