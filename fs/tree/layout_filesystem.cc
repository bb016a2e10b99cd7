#include "fs/tree/layout_filesystem.h"

#include "fs/tree/layout_nodes.h"
#include "fs/tree/node_filesystem.h"

namespace layoutfs {

std::shared_ptr<Filesystem> make_layout_filesystem(std::shared_ptr<ImageLibrary> library,
                                                   LayoutOptions options) {
  NodeTree tree;
  tree.mount = std::make_unique<MountContext>(std::move(options.platform), options.ownership,
                                              library->resources()->options().max_mapped_files);
  tree.are_acls_wanted = options.are_acls_wanted;
  tree.watch = library->reader().watch();
  tree.resources = library->resources();
  tree.root = make_layout_root(std::make_shared<LayoutContext>(*tree.mount, std::move(library)));
  return make_node_filesystem(std::move(tree));
}

}  // namespace layoutfs
