// Making the pieces of a layout.
#pragma once

#include "core/cas/layout_dir.h"
#include "layoutfs/open.h"

namespace layoutfs {

// Makes a layout of the pieces that a crash had left unfinished, or of an empty directory: makes what is
// missing, `oci-layout` last, so that a crash here can be mended too. A layout stays as it is.
// Errors are those of check_unfinished().
Status complete_layout(const LayoutDir& layout, const DirOptions& options);
// Whether the directory holds no more of a layout than a crash may have left of one in the making.
// Errc::invalid_image where it has an `index.json` or `refs` with entries, or, unless
// options.is_beside_others, anything else.
Status check_unfinished(const LayoutDir& layout, const DirOptions& options);

}  // namespace layoutfs
