#include "core/image/image_set.h"

#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include "layoutfs/platform.h"

namespace layoutfs {
namespace {

// Walks over the documents of a layout and collects the images.
class ImageSearch {
 public:
  explicit ImageSearch(const LayoutGraph& graph) : graph_(graph) {}

  Result<ImageSet> run(const References& references, const Context& context) {
    for (const std::string& problem : references.problems) set_.problems.emplace_back(Errc::corrupt, problem);
    for (const Descriptor& entry : references.entries) roots_.insert(entry.digest);
    const Handler note = [this](const Descriptor& descriptor, const Context& going_on) {
      return visit(descriptor, going_on);
    };
    const auto walked = walk(references.entries, handlers({first_visits(), note}), context);
    if (!walked) return fail(Error(walked.error()));
    return std::move(set_);
  }

 private:
  Result<Visit> visit(const Descriptor& descriptor, const Context& context) {
    // A mount does not show images below documents of unknown kinds.
    if (!descriptor.media_type.empty() && !is_document_type(descriptor.media_type)) return Visit();
    const auto document = graph_.read(descriptor, context);
    if (!document && document.error().code() == Errc::cancelled) return fail(Error(document.error()));
    if (!document) {
      if (document.error().code() != Errc::not_found || roots_.contains(descriptor.digest))
        set_.problems.push_back(document.error());
      return Visit();
    }
    const GraphNode& node = (*document)->node;
    if (const auto* index = std::get_if<Index>(&node))
      for (const std::string& problem : index->problems)
        set_.problems.emplace_back(Errc::invalid_image, descriptor.digest.str() + ": " + problem);
    if (const auto* manifest = std::get_if<Manifest>(&node))
      if (manifest->is_image() && !is_attestation(descriptor) && seen_.insert(descriptor.digest).second)
        set_.images.push_back({descriptor, manifest->layers});
    return Visit::to(children_and_subject_of(graph_.reader(), node));
  }

  const LayoutGraph& graph_;
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

Result<ImageSet> all_images(const LayoutGraph& graph, const Context& context) {
  const auto references = graph.reader().references(context);
  if (!references) return fail(Error(references.error()));
  return ImageSearch(graph).run(**references, context);
}

Result<ImageSet> all_images(const LayoutReader& reader, const Context& context) {
  return all_images(LayoutGraph(reader), context);
}

Result<ImageSet> one_image(const LayoutReader& reader, const Descriptor& manifest) {
  auto read = read_image_manifest(reader, manifest);
  if (!read) return fail(std::move(read).error());
  return ImageSet{.images = {{manifest, std::move(read->layers)}}, .problems = {}};
}

}  // namespace layoutfs
