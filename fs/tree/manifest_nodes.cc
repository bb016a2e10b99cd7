// The directory of a manifest or an index, and its content.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <set>

#include "core/oci/media_types.h"
#include "core/oci/present_blob.h"
#include "core/oci/reference.h"
#include "fs/tree/erofs_nodes.h"
#include "fs/tree/layout_nodes.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Name = VirtualNode::Name;

std::string directory_of(const Digest& digest) {
  return "manifests/" + std::string(name_of(digest.algorithm())) + "/" + digest.hex();
}

// Returns the link from a directory inside a manifest's directory to that of another manifest.
std::string to_sibling(const Digest& from, const Digest& to) {
  const std::string up = "../../";
  if (from.algorithm() == to.algorithm()) return up + to.hex();
  return up + "../" + std::string(name_of(to.algorithm())) + "/" + to.hex();
}

Bytes line(std::string text) {
  text += '\n';
  return to_bytes(text);
}

// The readable content of a manifest's or index's document.
struct Document {
  std::shared_ptr<const Manifest> manifest;
  std::shared_ptr<const Index> index;
  bool is_present = true;  // whether the layout has the blob
  std::string failure;     // the reason if it is neither
};

Document read_document_of(const LayoutGraph& graph, const Descriptor& descriptor) {
  Document document;
  const DocumentKind kind = document_kind(descriptor.media_type);
  // The graph may have a document after its blob was removed.
  const auto size = graph.reader().blob_size(descriptor.digest);
  document.is_present = size && *size;
  if (kind == DocumentKind::other) {
    document.failure = "media type '" + descriptor.media_type + "' is neither a manifest's nor an index's";
  } else if (!document.is_present) {
    const auto blob = graph.reader().get_blob(descriptor.digest);
    document.failure =
        blob ? "blob " + descriptor.digest.str() + " is not accessible" : blob.error().message();
  } else if (kind == DocumentKind::manifest) {
    if (auto manifest = graph.manifest(descriptor))
      document.manifest = std::move(*manifest);
    else
      document.failure = manifest.error().message();
  } else {
    if (auto index = graph.index(descriptor))
      document.index = std::move(*index);
    else
      document.failure = index.error().message();
  }
  return document;
}

// Returns one sentence if the blob does not match its descriptor; does not read its content.
std::optional<std::string> problem_of_blob(const LayoutReader& layout, const Descriptor& descriptor) {
  const auto checked = check_present(layout, descriptor);
  return checked ? std::nullopt : std::optional(checked.error().message());
}

// layers/<n>
class LayerDirectory final : public Directory {
 public:
  LayerDirectory(const LayoutPtr& layout, const std::string& place, Descriptor layer)
      : Directory(layout, place), layer_(std::move(layer)) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names{{"blob", S_IFLNK}, {"descriptor.json", S_IFREG}};
    if (is_layer_type(layer_.media_type)) {
      names.push_back({"layer.erofs", S_IFREG});
      names.push_back({"layer.tar", S_IFREG});
      names.push_back({"tree", S_IFDIR});
    }
    return names;
  }

  Answer<Child> find(std::string_view name, const Context& context) override {
    const std::int64_t mtime_ns = catalog_ns();
    const std::string place = identity() + "/" + std::string(name);
    if (name == "blob")
      return std::make_shared<Symlink>(place, "../../../../../" + layer_.digest.blob_path(), mtime_ns);
    if (name == "descriptor.json") return std::make_shared<TextFile>(place, line(layer_.json), mtime_ns);
    if (!is_layer_type(layer_.media_type)) return std::unexpected(ENOENT);
    const SlotRoot slot = layout_->mount.slots.slot_of(layout_, ImageSlots::Kind::layer, layer_);
    if (name == "tree") return slot;
    if (name == "layer.erofs") return erofs_child(layout_, place, ImageSlots::Kind::layer, layer_, context);
    if (name != "layer.tar") return std::unexpected(ENOENT);
    // The size is known after all of it was decoded once.
    auto layer = layout_->library->layer(layer_, context);
    if (layer) {
      layout_->mount.slots.note_failure(slot.slot, "");  // an earlier error no longer applies
      return std::make_shared<LayerTarFile>(layout_, place, layer_, (*layer)->stream->size(), mtime_ns);
    }
    if (layer.error().code() == Errc::cancelled) return std::unexpected(EINTR);
    layout_->mount.slots.note_failure(slot.slot, layer.error().message());
    return std::unexpected(EIO);
  }
  bool is_fixed() const override { return true; }

 private:
  const Descriptor layer_;
};

class LayersDirectory final : public Directory {
 public:
  LayersDirectory(const LayoutPtr& layout, const std::string& place, std::vector<Descriptor> layers)
      : Directory(layout, place), layers_(std::move(layers)) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names;
    for (std::size_t i = 0; i < layers_.size(); ++i) names.push_back({name_at(i), S_IFDIR});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    std::size_t position = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), position);
    if (parsed.ec != std::errc() || position >= layers_.size() || name != name_at(position))
      return std::unexpected(ENOENT);
    return std::make_shared<LayerDirectory>(layout_, identity() + "/" + std::string(name), layers_[position]);
  }
  bool is_fixed() const override { return true; }

 private:
  // Padded to the width of the last one, at least two digits, so that they sort.
  std::string name_at(std::size_t position) const {
    const std::size_t width = std::max<std::size_t>(2, std::to_string(layers_.size() - 1).size());
    std::string digits = std::to_string(position);
    return std::string(width - digits.size(), '0') + digits;
  }
  const std::vector<Descriptor> layers_;
};

// platforms/: symlinks to the directories of an index's children.
class PlatformsDirectory final : public Directory {
 public:
  using Links = std::map<std::string, std::string, std::less<>>;  // name and target
  PlatformsDirectory(const LayoutPtr& layout, const std::string& place, Links links)
      : Directory(layout, place), links_(std::move(links)) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names;
    for (const auto& [name, target] : links_) names.push_back({name, S_IFLNK});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto found = links_.find(name);
    if (found == links_.end()) return std::unexpected(ENOENT);
    return std::make_shared<Symlink>(identity() + "/" + found->first, found->second, catalog_ns());
  }
  bool is_fixed() const override { return true; }

 private:
  const Links links_;
};

// referrers/: symlinks to the directories of the documents with this subject.
class ReferrersDirectory final : public Directory {
 public:
  ReferrersDirectory(const LayoutPtr& layout, const std::string& place, Digest subject)
      : Directory(layout, place), subject_(std::move(subject)) {}

  Answer<std::vector<Name>> list(const Context& /*context*/) override {
    std::vector<Name> names;
    for (const Digest& digest : layout_->catalog()->referrers(subject_))
      names.push_back({digest.hex(), S_IFLNK});
    return names;
  }
  Answer<Child> find(std::string_view name, const Context& /*context*/) override {
    const auto referrers = layout_->catalog()->referrers(subject_);
    const auto found = std::ranges::find(referrers, name, &Digest::hex);
    if (found == referrers.end()) return std::unexpected(ENOENT);
    return std::make_shared<Symlink>(identity() + "/" + found->hex(), to_sibling(subject_, *found),
                                     catalog_ns());
  }

 private:
  const Digest subject_;
};

class ManifestDirectory final : public Directory {
 public:
  ManifestDirectory(const LayoutPtr& layout, Descriptor descriptor)
      : Directory(layout, layout->place(directory_of(descriptor.digest))),
        descriptor_(std::move(descriptor)) {}

  Answer<Properties> properties() override;
  Answer<std::vector<Name>> list(const Context& context) override;
  Answer<Child> find(std::string_view name, const Context& context) override;

 private:
  Answer<Child> find_in_manifest(const Manifest& manifest, std::string_view name, const std::string& place,
                                 const Context& context);
  Answer<Child> find_in_index(const Index& index, std::string_view name, const std::string& place);
  std::vector<std::string> problems(const Document& document);
  void add_image_problems(const Manifest& manifest, std::vector<std::string>& problems);
  std::optional<Descriptor> chosen_manifest() const;
  std::optional<Platform> image_platform(const Descriptor& child) const;
  PlatformsDirectory::Links platforms(const Index& index) const;

  const Descriptor descriptor_;
  std::atomic<bool> is_listed_ = false;  // the kernel may have cached a listing
};

// The time also changes if an `error` appears or disappears, to invalidate cached listings. Before the first
// listing no document is read.
Answer<VirtualNode::Properties> ManifestDirectory::properties() {
  auto properties = Directory::properties();
  if (properties && is_listed_ && !problems(read_document_of(layout_->graph(), descriptor_)).empty())
    ++properties->mtime_ns;
  return properties;
}

Answer<std::vector<VirtualNode::Name>> ManifestDirectory::list(const Context& /*context*/) {
  is_listed_ = true;
  const Document document = read_document_of(layout_->graph(), descriptor_);
  std::vector<Name> names{{"descriptor.json", S_IFREG}, {"referrers", S_IFDIR}};
  if (document.is_present) names.push_back({"manifest.json", S_IFREG});
  if (!problems(document).empty()) names.push_back({"error", S_IFREG});
  if (document.manifest) {
    const auto config = layout_->reader().blob_size(document.manifest->config.digest);
    if (config && *config) names.push_back({"config.json", S_IFREG});
    names.push_back({"layers", S_IFDIR});
    if (document.manifest->is_image()) {
      names.push_back({"rootfs", S_IFDIR});
      names.push_back({"rootfs.erofs", S_IFREG});
    }
  }
  if (document.index) {
    names.push_back({"platforms", S_IFDIR});
    if (chosen_manifest()) {
      names.push_back({"rootfs", S_IFLNK});
      names.push_back({"rootfs.erofs", S_IFLNK});
    }
  }
  std::ranges::sort(names, {}, &Name::name);
  return names;
}

Answer<Child> ManifestDirectory::find(std::string_view name, const Context& context) {
  const std::string place = identity() + "/" + std::string(name);
  const std::int64_t mtime_ns = catalog_ns();
  if (name == "manifest.json") return blob_child(layout_, place, descriptor_.digest);
  if (name == "descriptor.json") {
    // The current one: the kernel may have cached this directory before index.json changed.
    const auto descriptor = layout_->catalog()->find_document(descriptor_.digest);
    return std::make_shared<TextFile>(place, line(descriptor ? descriptor->json : descriptor_.json),
                                      mtime_ns);
  }
  if (name == "referrers") return std::make_shared<ReferrersDirectory>(layout_, place, descriptor_.digest);
  const Document document = read_document_of(layout_->graph(), descriptor_);
  if (name == "error") {
    const auto sentences = problems(document);
    if (sentences.empty()) return std::unexpected(ENOENT);
    std::string text;
    for (const std::string& sentence : sentences) text += (text.empty() ? "" : "\n") + sentence;
    return std::make_shared<TextFile>(place, line(std::move(text)), mtime_ns);
  }
  if (document.manifest) return find_in_manifest(*document.manifest, name, place, context);
  if (document.index) return find_in_index(*document.index, name, place);
  return std::unexpected(ENOENT);
}

Answer<Child> ManifestDirectory::find_in_manifest(const Manifest& manifest, std::string_view name,
                                                  const std::string& place, const Context& context) {
  if (name == "config.json") return blob_child(layout_, place, manifest.config.digest);
  if (name == "layers") return std::make_shared<LayersDirectory>(layout_, place, manifest.layers);
  if (name == "rootfs" && manifest.is_image())
    return layout_->mount.slots.slot_of(layout_, ImageSlots::Kind::image, descriptor_);
  if (name == "rootfs.erofs" && manifest.is_image())
    return erofs_child(layout_, place, ImageSlots::Kind::image, descriptor_, context);
  return std::unexpected(ENOENT);
}

Answer<Child> ManifestDirectory::find_in_index(const Index& index, std::string_view name,
                                               const std::string& place) {
  if (name == "platforms") return std::make_shared<PlatformsDirectory>(layout_, place, platforms(index));
  if (name != "rootfs" && name != "rootfs.erofs") return std::unexpected(ENOENT);
  const auto chosen = chosen_manifest();
  if (!chosen) return std::unexpected(ENOENT);
  return std::make_shared<Symlink>(place,
                                   "../../" + std::string(name_of(chosen->digest.algorithm())) + "/" +
                                       chosen->digest.hex() + "/" + std::string(name),
                                   catalog_ns());
}

std::optional<Descriptor> ManifestDirectory::chosen_manifest() const {
  auto chosen = resolve_platform(layout_->graph(), descriptor_, layout_->mount.platform);
  if (!chosen) return std::nullopt;
  return std::move(*chosen);
}

// Returns nullopt if the child of an index is not an image, or its platform is unknown.
std::optional<Platform> ManifestDirectory::image_platform(const Descriptor& child) const {
  const LayoutGraph& graph = layout_->graph();
  if (is_not_image(child)) return std::nullopt;
  if (document_kind(child.media_type) == DocumentKind::manifest)
    if (const auto manifest = graph.manifest(child); manifest && !(*manifest)->is_image())
      return std::nullopt;
  return is_without_platform(child) ? platform_in_config(graph, child) : child.platform;
}

PlatformsDirectory::Links ManifestDirectory::platforms(const Index& index) const {
  PlatformsDirectory::Links links;
  for (const Descriptor& child : index.manifests) {
    const auto platform = image_platform(child);
    if (!platform) continue;
    std::string name = to_file_name(*platform);
    std::string target = to_sibling(descriptor_.digest, child.digest);
    const auto [same, is_new] = links.try_emplace(name, target);
    if (!is_new && same->second != target)
      links.try_emplace(name + "-" + std::string(child.digest.short_hex()), std::move(target));
  }
  return links;
}

std::vector<std::string> ManifestDirectory::problems(const Document& document) {
  std::vector<std::string> sentences;
  if (!document.failure.empty()) sentences.push_back(document.failure);
  if (document.index)
    sentences.insert(sentences.end(), document.index->problems.begin(), document.index->problems.end());
  if (document.manifest) {
    if (auto problem = problem_of_blob(layout_->reader(), document.manifest->config))
      sentences.push_back("config: " + *problem);
    else if (is_config_type(document.manifest->config.media_type))
      if (const auto config = layout_->graph().config(document.manifest->config); !config)
        sentences.push_back(config.error().message());
    add_image_problems(*document.manifest, sentences);
  }
  return sentences;
}

void ManifestDirectory::add_image_problems(const Manifest& manifest, std::vector<std::string>& sentences) {
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& layer = manifest.layers[i];
    const std::string name = "layer " + std::to_string(i) + ": ";
    if (auto problem = problem_of_blob(layout_->reader(), layer)) sentences.push_back(name + *problem);
    if (!manifest.is_image()) continue;
    if (!is_layer_type(layer.media_type)) {
      sentences.push_back(name + "media type '" + layer.media_type + "' is not that of a layer");
      continue;
    }
    const SlotRoot slot = layout_->mount.slots.slot_of(layout_, ImageSlots::Kind::layer, layer);
    if (auto failure = layout_->mount.slots.failure_of(slot.slot); !failure.empty())
      sentences.push_back(name + failure);
  }
  if (!manifest.is_image()) return;
  const SlotRoot slot = layout_->mount.slots.slot_of(layout_, ImageSlots::Kind::image, descriptor_);
  // Problems known without opening the image are listed above.
  if (auto failure = layout_->mount.slots.failure_of(slot.slot); !failure.empty() && sentences.empty())
    sentences.push_back(std::move(failure));
  for (std::string& problem : layout_->mount.slots.problems_of(slot.slot))
    sentences.push_back("rootfs: " + problem);
}

}  // namespace

VirtualNodePtr make_manifest_directory(const LayoutPtr& layout, const Descriptor& descriptor) {
  return std::make_shared<ManifestDirectory>(layout, descriptor);
}

}  // namespace layoutfs
