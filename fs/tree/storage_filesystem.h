// A layout, or a directory of layouts, in the form that a container engine reads.
//
// EngineView::containerd: a directory of layers (containerd_nodes.h). EngineView::containers_storage: an
// additional image store of podman, buildah, skopeo and CRI-O:
//
//   overlay-images/images.json, images.lock      the images
//   overlay-images/IMAGE/manifest, =BASE64       the documents of an image
//   overlay-layers/layers.json, layers.lock      the layers
//   overlay-layers/LAYER.tar-split.gz            how to rebuild the tar of a layer (core/engines/tar_split.h)
//   overlay/LAYER/diff/                          the root filesystem up to this layer
//   overlay/LAYER/link, merged/, work/, empty/   as the overlay driver expects them
//   overlay/l/LINK                               symlink to LAYER/diff
//   errors/NAME                                  why an image is left out; only if there are any
//
// The driver stacks the directories of `lower` files, of which there are none: each `diff` is already merged,
// so a container has one lower directory, without whiteouts. All is in one mount, because a link to another
// mount would be an empty directory, without any error, for a program that does not see that.
#pragma once

#include <memory>
#include <string>

#include "core/image/image_library.h"
#include "core/oci/repository_tree.h"
#include "fs/tree/engine_view.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_filesystem.h"

namespace layoutfs {

// Returns a filesystem that decodes a layer at the first access to a `diff` of it or of a layer above it, or
// to the size or content of its tar-split. Tags belong to `repository`. Documents are always current; other
// names are valid for at most a second.
std::shared_ptr<Filesystem> make_storage_filesystem(EngineView view, std::shared_ptr<ImageLibrary> library,
                                                    LayoutOptions options, std::string repository);
// The same for the layouts of a tree: tags of the repository a/b belong to localhost/a/b, or to a/b if a is
// the host of a registry.
std::shared_ptr<Filesystem> make_storage_filesystem(EngineView view, RepositoryTree tree,
                                                    std::shared_ptr<const LibraryResources> resources,
                                                    LayoutOptions options);

}  // namespace layoutfs
