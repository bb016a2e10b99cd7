// A filesystem of nodes, and of the images that they contain.
#pragma once

#include <memory>

#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_context.h"
#include "fs/tree/virtual_node.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Each member may use those before it.
struct NodeTree {
  std::unique_ptr<MountContext> mount;
  VirtualNodePtr root;
  std::unique_ptr<Watch> watch;                       // null if changes are not detected: names still expire
  std::shared_ptr<const LibraryResources> resources;  // the root shows their statistics
  bool are_acls_wanted = false;
};
std::shared_ptr<Filesystem> make_node_filesystem(NodeTree tree);

}  // namespace layoutfs
