// The `dir` engine: an image layout (image-spec image-layout.md) in a directory. Opened and made by
// open_dir() and create_dir() (open.h).
#pragma once

#include <memory>
#include <string>

#include "core/cas/driver.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Returns whether `path` is a directory that holds an `oci-layout` file, or a symlink of that name.
bool is_layout_dir(const std::string& path);

// The driver of these. It supports directories, and paths where nothing is, or nothing that may be looked at.
std::shared_ptr<const Driver> dir_driver(const DirOptions& options = {});

}  // namespace layoutfs
