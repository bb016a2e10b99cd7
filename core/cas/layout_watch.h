// Hears of changes in a layout's directory.
#pragma once

#include <memory>

#include "core/cas/layout_dir.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// By inotify(7). Null where that cannot be had: no permission to list the directory, no /proc, or as many
// watches in use as the user may have. `layout` must live as long.
std::unique_ptr<Watch> watch_layout(const LayoutDir& layout);

}  // namespace layoutfs
