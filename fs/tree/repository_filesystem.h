// A directory of layouts as a filesystem: one directory per repository, with the content of its layout's
// mount.
#pragma once

#include <memory>

#include "core/image/image_library.h"
#include "core/oci/repository_tree.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_filesystem.h"
#include "fs/tree/repository_layouts.h"

namespace layoutfs {

// Returns a filesystem with the directories of the tree, including those without a repository. The directory
// of a repository shows the content of make_layout_filesystem(), and the repositories below it; of these,
// `error`, `manifests` and `refs` are shown as `%65rror`, `%6Danifests` and `%72efs`. A layout that cannot be
// opened shows one file, `error`. Layouts are opened on first access, at most `most_open` at a time. Names
// and attributes of directories are valid for a second, so changes are visible within that time.
std::shared_ptr<Filesystem> make_repository_filesystem(RepositoryTree tree,
                                                       std::shared_ptr<const LibraryResources> resources,
                                                       LayoutOptions options,
                                                       std::size_t most_open = RepositoryLayouts::kMostOpen);

}  // namespace layoutfs
