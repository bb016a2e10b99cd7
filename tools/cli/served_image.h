// From an image's name to what a session serves, as `mount` and `chroot` do it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/image_filesystem.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/mount_point.h"
#include "tools/cli/progress.h"

namespace layoutfs::tools {

// What every session uses by a path besides what it shows; the options name the cache directory.
std::vector<UsedPath> used_paths(const MountOptions& options);

// What the libraries behind a mount with these options have in common; they show how far they are as long as
// `progress` holds something.
std::shared_ptr<const LibraryResources> library_resources(const MountOptions& options,
                                                          std::shared_ptr<std::optional<Progress>> progress);
// The library behind a mount of `layout`, with these.
std::shared_ptr<ImageLibrary> open_library(const OpenLayout& layout, const MountOptions& options,
                                           std::shared_ptr<std::optional<Progress>> progress);

// The image of this manifest, complete: what is broken is found now and not while it is used.
Result<ImagePtr> open_complete_image(const OpenLayout& layout, const Descriptor& manifest,
                                     ImageLibrary& library);

// How the files of an image are shown.
struct ImageView {
  Ownership ownership;
  MountIds ids = MountIds::of_this_process();
  std::optional<bool> acl;  // as in MountOptions
};

// Its root filesystem, which tells what the library did when it is asked.
std::shared_ptr<Filesystem> image_filesystem(ImagePtr image, const std::shared_ptr<ImageLibrary>& library,
                                             ImageView view);

// What the kernel shows as the source of the mount: the layout, or image, as it was named.
std::string source_of(const OpenLayout& layout, const ImageArguments& arguments);

}  // namespace layoutfs::tools
