// A whole layout as a filesystem: oci-layout, index.json, blobs/, refs/, manifests/ with every image's
// files.
#pragma once

#include <memory>

#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/image_filesystem.h"
#include "layoutfs/platform.h"

namespace layoutfs {

struct LayoutOptions {
  Platform platform;  // selects the child for the `rootfs` of an index
  Ownership ownership;
  // Whether to enforce the ACLs of images (Filesystem::wants_acls).
  bool are_acls_wanted = false;
  bool follow_links = false;  // repositories: DirOptions::follow_links of their layouts
};

// Returns a filesystem that decompresses nothing before the first access to a rootfs, layer.tar or tree. Each
// request that depends on index.json checks it, and reads it again if it has changed. Names below refs/ and
// manifests/ are valid for at most a second.
std::shared_ptr<Filesystem> make_layout_filesystem(std::shared_ptr<ImageLibrary> library,
                                                   LayoutOptions options);

}  // namespace layoutfs
