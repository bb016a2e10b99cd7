// The time of creation in the documents of a new image.
#pragma once

#include <string>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// Returns the time as RFC 3339 (image-spec config.md, "created"): that of `option` (--created), which is
// RFC 3339 or the seconds since 1970; otherwise that of SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/); otherwise the current one.
// Errc::invalid_argument, naming its source.
Result<std::string> creation_time(const std::string& option);

}  // namespace layoutfs::tools
