#include "core/image/image_set.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include "core/oci/graph.h"
#include "core/oci/platform.h"

namespace layoutfs {
namespace {

// Goes along the documents of a layout, and notes the images.
class ImageSearch {
 public:
  explicit ImageSearch(const LayoutReader& engine) : engine_(engine) {}

  Result<ImageSet> run(const References& references, const Context& context) {
    for (const std::string& problem : references.problems) set_.problems.emplace_back(Errc::corrupt, problem);
    for (const Descriptor& entry : references.entries) roots_.insert(entry.digest);
    const Handler note = [this](const Descriptor& descriptor, const Context&) -> Result<Visit> {
      return Visit::to(visit(descriptor));
    };
    const auto walked = walk(references.entries, handlers({first_visits(), note}), context);
    if (!walked) return fail(Error(walked.error()));
    return std::move(set_);
  }

 private:
  std::vector<Descriptor> visit(const Descriptor& descriptor) {
    // A mount shows no images behind documents of unknown kinds.
    if (!descriptor.media_type.empty() && !is_document_type(descriptor.media_type)) return {};
    auto node = read_graph_node(engine_, descriptor);
    if (!node) {
      if (node.error().code() != Errc::not_found || roots_.contains(descriptor.digest))
        set_.problems.push_back(std::move(node).error());
      return {};
    }
    if (const auto* index = std::get_if<Index>(&*node))
      for (const std::string& problem : index->problems)
        set_.problems.emplace_back(Errc::invalid_image, descriptor.digest.str() + ": " + problem);
    if (const auto* manifest = std::get_if<Manifest>(&*node))
      if (manifest->is_image() && !is_attestation(descriptor) && seen_.insert(descriptor.digest).second)
        set_.images.push_back({descriptor, manifest->layers});
    return children_and_subject_of(engine_, std::move(*node));
  }

  const LayoutReader& engine_;
  ImageSet set_;
  std::unordered_set<Digest> roots_, seen_;
};

}  // namespace

std::vector<Descriptor> ImageSet::layers() const {
  std::vector<Descriptor> layers;
  std::unordered_set<Digest> seen;
  for (const Image& image : images)
    for (const Descriptor& layer : image.layers)
      if (seen.insert(layer.digest).second) layers.push_back(layer);
  return layers;
}

Result<ImageSet> all_images(const LayoutReader& engine, const Context& context) {
  const auto references = engine.references(context);
  if (!references) return fail(Error(references.error()));
  return ImageSearch(engine).run(**references, context);
}

Result<ImageSet> one_image(const LayoutReader& engine, const Descriptor& manifest) {
  auto read = read_image_manifest(engine, manifest);
  if (!read) return fail(std::move(read).error());
  return ImageSet{.images = {{manifest, std::move(read->layers)}}, .problems = {}};
}

}  // namespace layoutfs
