#include "tools/commands/complete_image.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>

#include "core/base/split.h"
#include "core/image/image_library.h"
#include "core/oci/reference.h"
#include "core/remote/remote_name.h"
#include "layoutfs/documents.h"
#include "layoutfs/platform.h"
#include "tools/chroot/image_root.h"

namespace layoutfs::tools {
namespace {

// The most that is indexed while somebody waits for the tab key.
constexpr std::uint64_t kMaxIndexed = std::uint64_t{64} << 20;  // bytes of layers
constexpr std::chrono::seconds kMaxIndexing{1};

bool is_small(const Manifest& manifest) {
  std::uint64_t left = kMaxIndexed;
  for (const Descriptor& layer : manifest.layers) {
    if (layer.size > left) return false;
    left -= layer.size;
  }
  return true;
}

// Opens a layout. Completion must not wait for a registry, or send credentials to it.
std::optional<OpenLayout> open_local(const ImageArguments& arguments) {
  if (is_remote_name(arguments.name) || is_remote_name(arguments.layout)) return std::nullopt;
  auto layout = open_layout(arguments);
  return layout ? std::optional(*std::move(layout)) : std::nullopt;
}

struct OpenImage {
  ImagePtr image;  // null if it is not ready
  std::vector<std::string> environment;
};

OpenImage open_quickly(const ImageArguments& arguments) {
  const auto layout = open_local(arguments);
  if (!layout) return {};
  const auto descriptor = find_manifest(*layout, arguments);
  if (!descriptor) return {};
  ImageLibrary library(layout->reader, open_cache(arguments.cache_dir), {});
  const auto manifest = library.graph().manifest(*descriptor);
  if (!manifest) return {};
  OpenImage opened{library.image_if_ready(*descriptor), {}};
  if (opened.image == nullptr && is_small(**manifest))
    opened.image =
        library.image(*descriptor, {.stop = {}, .deadline = std::chrono::steady_clock::now() + kMaxIndexing})
            .value_or(nullptr);
  if (opened.image != nullptr && is_config_type((*manifest)->config.media_type))
    if (const auto config = library.graph().config((*manifest)->config))
      opened.environment = (*config)->environment;
  return opened;
}

// `path` is that of an entry; follows a link.
std::optional<InodeView> find_target(const Image& image, const std::string& path) {
  const auto inode = image.resolve(path);
  if (!inode) return std::nullopt;
  return image.tree().inode(*inode);
}

// Calls `visit` with the name of each entry of a directory, if it is one.
template <class Visit>
void visit_names(const Image& image, std::string_view directory, Visit visit) {
  const auto inode = image.resolve(directory);
  if (!inode || image.tree().inode(*inode).type != EntryType::directory) return;
  const std::size_t count = image.tree().child_count(*inode);
  for (std::size_t rank = 0; rank < count; ++rank) visit(image.tree().child(*inode, rank).name);
}

bool is_named(const Platform& platform) {
  return !platform.os.empty() && platform.os != "unknown" && !platform.architecture.empty();
}

void add_platforms(const LayoutGraph& graph, const Descriptor& entry, std::set<std::string>& names) {
  std::optional<Platform> platform = entry.platform;
  if (document_kind(entry.media_type) == DocumentKind::index) {
    const auto index = graph.index(entry);
    if (!index) return;
    for (const Descriptor& child : (*index)->manifests)
      if (child.platform && is_named(*child.platform)) names.insert(to_string(*child.platform));
    return;
  }
  if (!platform) platform = platform_in_config(graph, entry);
  if (platform && is_named(*platform)) names.insert(to_string(*platform));
}

}  // namespace

std::vector<std::string> paths_in_image(const ImageArguments& arguments, std::string_view begun) {
  const ImagePtr image = open_quickly(arguments).image;
  if (image == nullptr) return {};
  const std::string directory(begun.substr(0, begun.rfind('/') + 1));  // empty if there is no '/'
  const std::string_view name_begun = begun.substr(directory.size());
  std::vector<std::string> paths;
  visit_names(*image, directory, [&](std::string_view name) {
    if (!name.starts_with(name_begun)) return;
    std::string path = directory + std::string(name);
    const auto target = find_target(*image, path);
    if (target && target->type == EntryType::directory) path += '/';
    paths.push_back(std::move(path));
  });
  return paths;
}

std::vector<std::string> programs_in_image(const ImageArguments& arguments) {
  const auto [image, environment] = open_quickly(arguments);
  if (image == nullptr) return {};
  constexpr std::string_view kVariable = "PATH=";
  std::string path(kDefaultPath);
  for (const std::string& variable : environment)
    if (variable.starts_with(kVariable)) path = variable.substr(kVariable.size());
  std::vector<std::string> programs;
  for (const std::string& directory : split(path, ':')) {
    if (!directory.starts_with('/')) continue;
    visit_names(*image, directory, [&](std::string_view name) {
      const auto target = find_target(*image, directory + "/" + std::string(name));
      if (target && target->type == EntryType::file && (target->mode & 0111) != 0)
        programs.emplace_back(name);
    });
  }
  return programs;
}

std::vector<std::string> platforms_of_image(const ImageArguments& arguments) {
  const auto layout = open_local(arguments);
  if (!layout) return {};
  const LayoutGraph graph(*layout->reader);
  std::set<std::string> names;
  if (const auto entries = find_every_platform(*layout->reader, layout->reference)) {
    for (const Descriptor& entry : *entries) add_platforms(graph, entry, names);
  } else if (const auto references = layout->reader->references(); references && layout->reference.empty()) {
    constexpr std::size_t kMaxEntries = 100;
    for (std::size_t i = 0; i < std::min((*references)->entries.size(), kMaxEntries); ++i)
      add_platforms(graph, (*references)->entries[i], names);
  }
  return {names.begin(), names.end()};
}

}  // namespace layoutfs::tools
