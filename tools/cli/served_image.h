// The steps from an image's name to the filesystem of a session, for `mount` and `chroot`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/image_filesystem.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/mount_point.h"
#include "tools/cli/progress.h"

namespace layoutfs::tools {

// Returns the paths that every session uses besides the layout: the cache directory.
std::vector<UsedPath> used_paths(const MountOptions& options);

// Returns the resources that all libraries of a mount share. While `progress` holds a value, it shows the
// indexing of layers. `add_statistics` is LibraryOptions::add_statistics.
std::shared_ptr<const LibraryResources> library_resources(
    const MountOptions& options, std::shared_ptr<std::optional<Progress>> progress,
    std::function<void(JsonWriter&)> add_statistics = {});
// Returns the library for a mount of `layout`. `progress` as above.
std::shared_ptr<ImageLibrary> open_library(const OpenLayout& layout, const MountOptions& options,
                                           std::shared_ptr<std::optional<Progress>> progress);

// Opens the image of this manifest and checks that it is complete, so that damage is reported before the
// mount.
Result<ImagePtr> open_complete_image(const OpenLayout& layout, const Descriptor& manifest,
                                     ImageLibrary& library);

// The appearance of an image's files.
struct ImageView {
  Ownership ownership;
  MountIds ids = MountIds::of_this_process();
  std::optional<bool> acl;         // as in MountOptions
  std::optional<Digest> manifest;  // for the statistics
};

// Returns the root filesystem of an image. Its statistics are those of `library` at the time of the request.
std::shared_ptr<Filesystem> image_filesystem(ImagePtr image, const std::shared_ptr<ImageLibrary>& library,
                                             ImageView view);

// Returns the source of the mount for the kernel's mount table: the name of the layout or image as given.
std::string source_of(const OpenLayout& layout, const ImageArguments& arguments);

}  // namespace layoutfs::tools
