// Detects changes in a layout's directory.
#pragma once

#include <memory>

#include "core/cas/layout_dir.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns a watch by inotify(7). Returns null if none is available: no permission to list the directory, no
// /proc, or the user's limit is reached. `layout` must outlive it.
std::unique_ptr<Watch> watch_layout(const LayoutDir& layout);

}  // namespace layoutfs
