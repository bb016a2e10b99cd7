#include "tools/commands/searched_images.h"

#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/parallel.h"
#include "core/image/image_set.h"
#include "core/oci/entry_names.h"
#include "layoutfs/documents.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

// The names of manifests and of the manifests of indexes.
class ManifestNames {
 public:
  ManifestNames(const LayoutGraph& graph, const References& references, const Context& context)
      : graph_(graph), context_(context) {
    const EntryNames names(references.entries);
    for (std::size_t position = 0; position < references.entries.size(); ++position) {
      const Descriptor& entry = references.entries[position];
      const std::string name = names.label(position);
      if (document_kind(entry.media_type) == DocumentKind::index)
        add_children(entry, name);
      else
        add(entry.digest, name);
    }
  }

  // A manifest without a name has its digest.
  std::string name_of(const Digest& digest) const {
    const auto found = names_.find(digest);
    return found == names_.end() ? "@sha256:" + short_digest(digest) : found->second;
  }

 private:
  void add(const Digest& digest, const std::string& name) { names_.emplace(digest, name); }

  static bool is_image(const Descriptor& child) {
    return document_kind(child.media_type) != DocumentKind::index && !is_attestation(child);
  }

  // Images of nested indexes have no names. An index that cannot be read is one of the problems.
  void add_children(const Descriptor& entry, const std::string& name) {
    const auto index = graph_.index(entry, context_);
    if (!index) return;
    const auto images = std::ranges::count_if((*index)->manifests, is_image);
    for (const Descriptor& child : (*index)->manifests) {
      if (!is_image(child)) continue;
      const bool is_only = images == 1 || !child.platform;
      add(child.digest, is_only ? name : name + "[" + to_string(*child.platform) + "]");
    }
  }

  const LayoutGraph& graph_;
  const Context& context_;
  std::unordered_map<Digest, std::string> names_;
};

}  // namespace

std::string place_of(const OpenLayout& layout, const SearchedImage& image) {
  return name_of_image(layout.path, image.name);
}

Result<SearchedImages> searched_images(const OpenLayout& layout, const ImageArguments& arguments,
                                       const LayoutGraph& graph, const Context& context) {
  if (!layout.reference.empty() || !arguments.platform.empty()) {
    auto manifest = find_manifest(layout, arguments);
    if (!manifest) return fail(std::move(manifest).error());
    return SearchedImages{.images = {{layout.reference, std::move(*manifest)}}, .problems = {}};
  }
  const auto references = layout.reader->references(context);
  if (!references) return fail(Error(references.error()), layout.path);
  auto all = all_images(graph, context);
  if (!all) return fail(std::move(all).error(), layout.path);
  if (all->images.empty() && all->problems.empty())
    return fail(Errc::not_found, layout.path + ": the layout has no images");
  const ManifestNames names(graph, **references, context);
  SearchedImages result{.images = {}, .problems = std::move(all->problems)};
  for (ImageSet::Image& image : all->images) {
    std::string name = names.name_of(image.manifest.digest);
    result.images.push_back({std::move(name), std::move(image.manifest)});
  }
  return result;
}

void index_layers(ImageLibrary& library, const SearchedImages& images, const Context& context) {
  if (images.images.size() < 2) return;
  std::vector<Descriptor> layers;
  std::unordered_set<Digest> seen;
  for (const SearchedImage& image : images.images) {
    const auto manifest = library.graph().manifest(image.manifest, context);
    if (!manifest) continue;
    for (const Descriptor& layer : (*manifest)->layers)
      if (!library.facts_if_known(layer) && seen.insert(layer.digest).second) layers.push_back(layer);
  }
  for_each_in_parallel(layers.size(), [&](std::size_t i) {
    ignore(library.layer(layers[i], context), "reported when the image is opened");
  });
}

}  // namespace layoutfs::tools
