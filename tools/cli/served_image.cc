#include "tools/cli/served_image.h"

#include <utility>

#include "core/remote/remote_layout.h"
#include "core/remote/remote_statistics.h"
#include "fs/tree/statistics.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/name_store.h"

namespace layoutfs::tools {

std::vector<UsedPath> used_paths(const MountOptions& options) {
  return {{.what = "the cache directory", .path = options.cache_dir},
          {.what = "the store of image names", .path = directory_of(NameStoreArguments{})}};
}

std::shared_ptr<const LibraryResources> library_resources(const MountOptions& options,
                                                          std::shared_ptr<std::optional<Progress>> progress,
                                                          std::function<void(JsonWriter&)> add_statistics) {
  return std::make_shared<const LibraryResources>(
      open_cache(options.cache_dir),
      LibraryOptions{.cache_size = options.cache_size,
                     .cache_disk = options.cache_disk,
                     .verify = options.verify,
                     .progress =
                         [progress = std::move(progress)](const Descriptor& layer, std::uint64_t bytes_read) {
                           if (*progress) (*progress)->update(layer.digest.str(), bytes_read, layer.size);
                         },
                     .add_statistics = std::move(add_statistics)});
}

std::shared_ptr<ImageLibrary> open_library(const OpenLayout& layout, const MountOptions& options,
                                           std::shared_ptr<std::optional<Progress>> progress) {
  std::function<void(JsonWriter&)> add_statistics;
  if (const auto remote = std::dynamic_pointer_cast<const RemoteLayout>(layout.reader))
    add_statistics = [remote](JsonWriter& json) { write_statistics(json, remote->registry()); };
  return std::make_shared<ImageLibrary>(
      layout.reader, library_resources(options, std::move(progress), std::move(add_statistics)));
}

Result<ImagePtr> open_complete_image(const OpenLayout& layout, const Descriptor& manifest,
                                     ImageLibrary& library) {
  const std::string name = layout.path + ": " + manifest.digest.str();
  auto image = library.image(manifest);
  if (!image) return fail(std::move(image).error(), name);
  if (auto complete = check_complete(**image); !complete) return fail(std::move(complete).error(), name);
  return image;
}

std::shared_ptr<Filesystem> image_filesystem(ImagePtr image, const std::shared_ptr<ImageLibrary>& library,
                                             ImageView view) {
  auto filesystem = std::make_shared<ImageFilesystem>(
      std::move(image), view.ownership, 0,
      AttributeRules{.is_overlay_hidden = true, .ids = std::move(view.ids)}, view.acl);
  filesystem->set_statistics([library, manifest = std::move(view.manifest)] {
    return statistics_json(*library->resources(), View::fuse, manifest);
  });
  return filesystem;
}

std::string source_of(const OpenLayout& layout, const ImageArguments& arguments) {
  return name_of_image(arguments.name.empty() ? layout.path : arguments.name, arguments.reference);
}

}  // namespace layoutfs::tools
