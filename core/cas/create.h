// Creates the parts of a layout.
#pragma once

#include "core/cas/layout_dir.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Creates a layout in an empty directory, or completes one that a crash has left unfinished. Creates
// `oci-layout` last, so that another crash can be repaired, too. Does not change an existing layout. Errors
// are those of check_unfinished().
Status complete_layout(const LayoutDir& layout, const DirOptions& options);
// Succeeds if the directory contains only parts that a crash may leave of a new layout. Errc::invalid_image
// if it has an `index.json` or `refs` with entries, or, unless options.is_beside_others, any other file.
Status check_unfinished(const LayoutDir& layout, const DirOptions& options);

}  // namespace layoutfs
