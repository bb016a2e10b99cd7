#include "tools/commands/diff_side.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/cas/find_digest.h"
#include "core/image/image_set.h"
#include "core/remote/remote_name.h"

namespace layoutfs::tools {
namespace {

// Returns the layer of an image of the layout that a digest names; nullopt if there is none.
std::optional<Descriptor> find_layer(const DiffSide& side) {
  if (!is_short_digest(side.layout.reference)) return std::nullopt;
  const auto digest = find_digest(*side.layout.reader, side.layout.reference);
  if (!digest) return std::nullopt;
  const auto images = all_images(side.library->graph());
  if (!images) return std::nullopt;
  const auto layers = images->layers();
  const auto found = std::ranges::find(layers, *digest, &Descriptor::digest);
  return found == layers.end() ? std::nullopt : std::optional(*found);
}

Status open_image(DiffSide& side) {
  auto image = side.is_layer ? side.library->layer_tree(side.target) : side.library->image(side.target);
  if (!image) return fail(Error(image.error()), side.layout.path);
  side.image = std::move(*image);
  std::vector<Descriptor> layers{side.target};
  if (!side.is_layer) {
    const auto manifest = side.library->graph().manifest(side.target);
    if (!manifest) return fail(Error(manifest.error()), side.layout.path);
    layers = (*manifest)->layers;
  }
  for (const Descriptor& descriptor : layers) {
    const auto layer = side.library->layer(descriptor);
    if (!layer) return fail(Error(layer.error()), side.layout.path);
    side.streams.push_back((*layer)->index->diff_id());
  }
  return {};
}

}  // namespace

Result<DiffSide> open_diff_side(const ImageArguments& arguments, const DiffSide* other,
                                const std::shared_ptr<const LibraryResources>& resources) {
  auto layout = open_layout(arguments);
  if (!layout) return fail(std::move(layout).error());
  DiffSide side{.name = arguments.name, .layout = std::move(*layout)};
  const bool is_shared = other != nullptr && other->layout.path == side.layout.path &&
                         !is_remote_name(side.name) && !is_remote_name(other->name);
  side.library = is_shared ? other->library : std::make_shared<ImageLibrary>(side.layout.reader, resources);
  auto manifest = find_manifest(side.layout, arguments);
  if (manifest) {
    side.target = std::move(*manifest);
  } else if (auto layer = find_layer(side)) {
    side.target = std::move(*layer);
    side.is_layer = true;
  } else {
    return fail(std::move(manifest).error());
  }
  if (auto opened = open_image(side); !opened) return fail(std::move(opened).error());
  return side;
}

}  // namespace layoutfs::tools
