// The directories and files of an additional image store, without the files of its layers.
#pragma once

#include <memory>

#include "fs/tree/storage_catalog.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

VirtualNodePtr make_storage_root(std::shared_ptr<StorageCatalog> catalog);

}  // namespace layoutfs
