// Removes files that crashed writers have left in a layout.
#pragma once

#include "core/cas/layout_dir.h"

namespace layoutfs {

// Removes workspaces (workspace.h) that are not locked and contain only temporary files, and files
// `index.json.tmp*` of other programs that are older than a minute and not locked. Keeps everything else.
// Succeeds if there is nothing to remove, even on read-only media. Errc::cancelled.
Status remove_litter(const LayoutDir& layout, const Context& context = {});

}  // namespace layoutfs
