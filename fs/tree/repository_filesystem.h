// A directory of layouts as a filesystem: a directory for each repository, with what the mount of its
// layout shows.
#pragma once

#include <memory>

#include "core/image/image_library.h"
#include "core/oci/repository_tree.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_filesystem.h"
#include "fs/tree/repository_layouts.h"

namespace layoutfs {

// Directories of the tree are directories here, also where they hold no repository. In that of a repository
// is what make_layout_filesystem() shows of its layout, and the repositories below it; of these, `error`,
// `manifests` and `refs` are called `%65rror`, `%6Danifests` and `%72efs`. A layout that cannot be opened has
// one file, `error`. Nothing is opened until somebody enters it, and then at most `most_open` at once; names
// and the attributes of directories are valid for a second, so what changes is seen by then.
std::shared_ptr<Filesystem> make_repository_filesystem(RepositoryTree tree,
                                                       std::shared_ptr<const LibraryResources> resources,
                                                       LayoutOptions options,
                                                       std::size_t most_open = RepositoryLayouts::kMostOpen);

}  // namespace layoutfs
