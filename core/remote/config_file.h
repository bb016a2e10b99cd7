// Files of users' configuration.
#pragma once

#include <optional>
#include <string>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr std::size_t kMaxConfigFile = std::size_t{1} << 20;  // bytes

// Reads a file; nullopt if it does not exist. Errc::invalid_argument if it is not a regular file or larger
// than kMaxConfigFile. Otherwise Errc::io. Errors name the file.
Result<std::optional<Bytes>> read_config_file(const std::string& path);

}  // namespace layoutfs
