// Archives: image layouts inside tars, opened by open_archive() (open.h).
#pragma once

#include <memory>
#include <string>

#include "core/cas/driver.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Returns whether `path` is a regular file that begins with the header of a tar.
bool is_archive(const std::string& path);

// The driver of these. It supports regular files, and creates none: what it supports exists. Existing
// archives cannot be changed: open_engine() fails with Errc::io and EROFS.
std::shared_ptr<const Driver> archive_driver();

}  // namespace layoutfs
