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
  Platform platform;  // which child an index's `rootfs` means
  Ownership ownership;
  // Whether the ACLs of images are to be enforced (Filesystem::wants_acls).
  bool are_acls_wanted = false;
  bool follow_links = false;  // of repositories: DirOptions::follow_links of their layouts
};

// Nothing is decompressed until somebody enters a rootfs, layer.tar or tree. References are read again when
// index.json has changed, which is looked at on every request that depends on it; names below refs/ and
// manifests/ are valid for at most a second.
std::shared_ptr<Filesystem> make_layout_filesystem(std::shared_ptr<ImageLibrary> library,
                                                   LayoutOptions options);

}  // namespace layoutfs
