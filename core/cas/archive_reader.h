// Archives: image layouts inside tar files, opened by open_archive() (open.h).
#pragma once

#include <memory>
#include <string>

#include "core/cas/driver.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Returns whether `path` is a regular file that starts with a tar header.
bool is_archive(const std::string& path);

// Returns the driver for archives. It supports existing regular files, and does not create layouts. Existing
// archives cannot be changed: open_engine() returns Errc::io with EROFS.
std::shared_ptr<const Driver> archive_driver();

}  // namespace layoutfs
