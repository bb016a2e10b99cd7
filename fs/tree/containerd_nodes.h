// The layers of a layout as files that containerd uses instead of fetching and converting them
// (layer_content_caches, containerd 2.4): ALGORITHM/<first two hex digits>/<hex>.erofs, by the digest of the
// uncompressed layer. Each is one EROFS filesystem with the whiteouts of overlayfs, the same as layer.erofs.
#pragma once

#include <memory>

#include "fs/tree/storage_catalog.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// A layer is read when its file is looked up for the first time. If its content is not that of its digest,
// the file cannot be opened (EIO), and errors/ gives the reason.
VirtualNodePtr make_containerd_root(std::shared_ptr<StorageCatalog> catalog);

}  // namespace layoutfs
