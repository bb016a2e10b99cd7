// Directories of caches. Their content determines the content of mounted images, so other users must not be
// able to write them or to replace them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether nobody except this user and root could have written the file or directory of `status`.
bool is_trusted(const struct stat& status) noexcept;

enum class IfMissing : std::uint8_t { fail, create };

// Opens the directory at `path` component by component, each relative to the handle of its parent, so that
// nothing can be replaced in between. Each directory of the path, including those reached through symlinks,
// must belong to this user or root, and others must not be able to write it unless it is sticky, like /tmp.
// The last one must be trusted. Symlinks must belong to this user or root. IfMissing::create creates missing
// directories (0700), including parents. Cost: about four system calls per component.
// Errc::not_found if it does not exist. Errc::invalid_argument if others could have put it there, or can
// write it. Errc::io and other errors of openat(2) and mkdirat(2).
Result<UniqueFd> open_trusted_directory(const std::string& path, IfMissing if_missing = IfMissing::fail);

// The same for `relative` below a trusted directory at `path`.
Result<UniqueFd> open_trusted_directory(const UniqueFd& directory, const std::string& path,
                                        const std::string& relative, IfMissing if_missing);

}  // namespace layoutfs
