// The directories and files of an additional image store, without the files of its layers.
#pragma once

#include <memory>

#include "fs/tree/storage_catalog.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// errors/: a file for each image that is left out.
VirtualNodePtr make_errors_directory(std::shared_ptr<StorageCatalog> catalog);
VirtualNodePtr make_storage_root(std::shared_ptr<StorageCatalog> catalog);

}  // namespace layoutfs
