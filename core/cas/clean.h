// Litter in a layout: what crashed writers have left behind.
#pragma once

#include "core/cas/layout_dir.h"

namespace layoutfs {

// Removes workspaces (workspace.h) that nobody holds locked and that hold nothing but temporary files, and
// files `index.json.tmp*`, as other programs leave them, that are older than a minute and not locked.
// Everything else stays. Nothing to remove is no error, on read-only media neither.
// Errc::cancelled.
Status remove_litter(const LayoutDir& layout, const Context& context = {});

}  // namespace layoutfs
