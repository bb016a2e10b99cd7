// Making the pieces of a layout.
#pragma once

#include "core/cas/dir_engine.h"
#include "core/cas/layout_dir.h"

namespace layoutfs {

// Makes a layout of the pieces that a crash had left unfinished, or of an empty directory: makes what is
// missing, `oci-layout` last, so that a crash here can be mended too. A layout stays as it is.
// Errc::invalid_image where the directory holds anything else, or an `index.json` or `refs` with entries.
Status complete_layout(const LayoutDir& layout, ReferenceFormat format);

}  // namespace layoutfs
