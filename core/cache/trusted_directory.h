// Directories of caches: what is read there decides what an image seems to hold, so nobody else may write it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/base/error.h"
#include "core/base/file.h"

namespace layoutfs {

// Whether nobody but this user and root can have written what `status` describes.
bool is_trusted(const struct stat& status) noexcept;

// `path` and the directories above it that are missing, 0700.
Status make_directories(const std::string& path);

// Errc::not_found where there is none; Errc::invalid_argument where others can write it.
Result<UniqueFd> open_trusted_directory(const std::string& path);

}  // namespace layoutfs
