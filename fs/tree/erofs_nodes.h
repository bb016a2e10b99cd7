// Images and single layers as files of a mount, each a complete EROFS filesystem.
#pragma once

#include <string>

#include "fs/tree/image_slots.h"
#include "fs/tree/layout_context.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// Returns the file of an image (by its manifest) or of a layer, whose whiteouts are those of overlayfs. Reads
// layers that are not indexed. ENOENT if EROFS cannot store it; EIO if a layer is broken, which ImageSlots
// notes; EINTR if the context has ended.
Answer<Child> erofs_child(const LayoutPtr& layout, const std::string& place, ImageSlots::Kind kind,
                          const Descriptor& descriptor, const Context& context);

}  // namespace layoutfs
