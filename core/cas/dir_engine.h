// The `dir` engine: an image layout (image-spec image-layout.md) in a directory. Opened and created by
// open_dir() and create_dir() (open.h).
#pragma once

#include <memory>
#include <string>

#include "core/cas/driver.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Returns whether `path` is a directory with an `oci-layout` file or a symlink of that name.
bool is_layout_dir(const std::string& path);

// Returns the driver for directories. It supports directories, paths that do not exist, and paths that are
// not accessible.
std::shared_ptr<const Driver> dir_driver(const DirOptions& options = {});

}  // namespace layoutfs
