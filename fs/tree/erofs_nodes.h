// Images as files of a mount, each a complete EROFS filesystem.
#pragma once

#include <string>

#include "fs/tree/layout_context.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// Returns the file of an image, by its manifest. Reads the image's layers if they are not indexed. ENOENT if
// EROFS cannot store the image; EIO if the image is broken, which ImageSlots notes; EINTR if the context has
// ended.
Answer<Child> erofs_child(const LayoutPtr& layout, const std::string& place, const Descriptor& manifest,
                          const Context& context);

}  // namespace layoutfs
