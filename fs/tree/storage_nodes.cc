#include "fs/tree/storage_nodes.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "core/base/guarded.h"
#include "core/engines/storage_names.h"
#include "fs/tree/layout_nodes.h"
#include "fs/tree/storage_directory.h"

namespace layoutfs {
namespace {

using Name = VirtualNode::Name;
using CatalogPtr = std::shared_ptr<StorageCatalog>;

// Engines open a document for each command. It must be the current one, also after a change that no watch
// reports: the size of a layer is known after its first use.
constexpr std::chrono::duration<double> kNotAtAll{0};

constexpr std::string_view kTarSplitSuffix = ".tar-split.gz";

// images.json or layers.json, which can be large: all nodes of one content share it.
class DocumentFile final : public SizedFile {
 public:
  DocumentFile(const std::string& place, const StorageDocument& document, std::int64_t mtime_ns)
      : SizedFile(place + " " + document.lock, document.text->size(), mtime_ns), text_(document.text) {}
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context&) override {
    if (offset >= text_->size()) return {};
    const ByteView rest = ByteView(*text_).subspan(static_cast<std::size_t>(offset));
    out.append(rest.first(std::min(size, rest.size())), text_);
    return {};
  }

 private:
  const std::shared_ptr<const Bytes> text_;
};

class EmptyDirectory final : public VirtualNode {
 public:
  using VirtualNode::VirtualNode;
  Answer<Properties> properties() override { return Properties{S_IFDIR | 0555}; }
  Answer<std::vector<Name>> list(const Context&) override { return std::vector<Name>(); }
  Answer<Child> find(std::string_view, const Context&) override { return std::unexpected(ENOENT); }
  bool is_fixed() const override { return true; }
};

// Returns the first place that could be opened, as far as is known.
const StoragePlace& usable_place(const StorageCatalog& catalog, std::span<const StoragePlace> places,
                                 std::string_view layer_id) {
  for (const StoragePlace& place : places)
    if (catalog.mount().slots.failure_of(catalog.root_of(place, layer_id).slot).empty()) return place;
  return places.front();
}

// overlay/LAYER. A node that is in use keeps its layer even if the layout no longer has an image with it.
class LayerNode final : public StorageDirectory {
 public:
  LayerNode(CatalogPtr catalog, std::string id, std::vector<StoragePlace> places)
      : StorageDirectory(std::move(catalog), "overlay/" + id),
        id_(std::move(id)),
        places_(std::move(places)) {}

 private:
  std::vector<Name> list_of(const StorageSnapshot&) override {
    return {{"diff", S_IFDIR}, {"empty", S_IFDIR}, {"link", S_IFREG}, {"merged", S_IFDIR}, {"work", S_IFDIR}};
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    if (name == "link") return std::make_shared<TextFile>(place(name), to_bytes(storage_link(id_)), 0);
    if (name == "merged" || name == "work" || name == "empty")
      return std::make_shared<EmptyDirectory>(place(name));
    if (name != "diff") return std::unexpected(ENOENT);
    const auto current = snapshot.places.find(id_);
    const StoragePlace& found =
        usable_place(*catalog_, current == snapshot.places.end() ? places_ : current->second, id_);
    // The slot exists as long as its layout.
    used_.lock()->insert(found.layout);
    return catalog_->root_of(found, id_);
  }

  const std::string id_;
  const std::vector<StoragePlace> places_;
  Guarded<std::set<LayoutPtr>> used_;
};

// overlay/l
class LinksDirectory final : public StorageDirectory {
 public:
  explicit LinksDirectory(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "overlay/l") {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    for (const auto& [link, id] : snapshot.layer_of_link) names.push_back({link, S_IFLNK});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    const auto found = snapshot.layer_of_link.find(name);
    if (found == snapshot.layer_of_link.end()) return std::unexpected(ENOENT);
    return std::make_shared<Symlink>(place(name), "../" + found->second + "/diff", 0);
  }
};

// overlay
class OverlayDirectory final : public StorageDirectory {
 public:
  explicit OverlayDirectory(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "overlay") {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names{{"l", S_IFDIR}};
    for (const auto& [id, places] : snapshot.places) names.push_back({id, S_IFDIR});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    if (name == "l") return std::make_shared<LinksDirectory>(catalog_);
    const auto found = snapshot.places.find(name);
    if (found == snapshot.places.end()) return std::unexpected(ENOENT);
    return std::make_shared<LayerNode>(catalog_, found->first, found->second);
  }
};

// overlay-layers/LAYER.tar-split.gz. Its size is known after it was made, which decodes the layer: that
// happens when a program asks for the size, or reads.
class TarSplitFile final : public VirtualNode {
 public:
  TarSplitFile(std::string place, StoragePlace layer)
      : VirtualNode(std::move(place)), place_(std::move(layer)) {}

  Answer<Properties> properties() override {
    return Properties{S_IFREG | 0444, 0, 0, std::chrono::seconds(0)};
  }
  Answer<Properties> complete_properties(const Context& context) override {
    const auto record = open(context);
    if (!record) return std::unexpected(record.error());
    return Properties{S_IFREG | 0444, (*record)->size()};
  }
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override {
    const auto record = open(context);
    if (!record) return std::unexpected(record.error());
    (*record)->read(out, size, offset);
    return {};
  }

 private:
  Answer<TarSplitPtr> open(const Context& context) {
    auto record = place_.layout->mount.tar_splits.open(*place_.layout->library, place_.stack(), context);
    if (record) return std::move(*record);
    if (record.error().code() == Errc::cancelled) return std::unexpected(EINTR);
    place_.layout->failures.report(identity() + ": " + record.error().message());
    return std::unexpected(EIO);
  }

  const StoragePlace place_;
};

// overlay-layers
class LayerRecordsDirectory final : public StorageDirectory {
 public:
  explicit LayerRecordsDirectory(CatalogPtr catalog)
      : StorageDirectory(std::move(catalog), "overlay-layers") {}
  std::chrono::duration<double> names_valid() const override { return kNotAtAll; }

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names{{"layers.json", S_IFREG}, {"layers.lock", S_IFREG}};
    for (const auto& [id, places] : snapshot.places)
      names.push_back({id + std::string(kTarSplitSuffix), S_IFREG});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    if (name == "layers.json")
      return std::make_shared<DocumentFile>(place(name), snapshot.layers, snapshot.mtime_ns);
    if (name == "layers.lock") return text(name, snapshot.layers.lock, snapshot);
    if (!name.ends_with(kTarSplitSuffix)) return std::unexpected(ENOENT);
    const auto found = snapshot.places.find(name.substr(0, name.size() - kTarSplitSuffix.size()));
    if (found == snapshot.places.end()) return std::unexpected(ENOENT);
    const StoragePlace& layer = usable_place(*catalog_, found->second, found->first);
    // With the blobs: the same layer of other blobs may be intact.
    return std::make_shared<TarSplitFile>(
        place(name) + " " + layer.layout->place(digest_of(layer.stack()).hex()), layer);
  }
};

// overlay-images/IMAGE
class ImageNode final : public StorageDirectory {
 public:
  ImageNode(CatalogPtr catalog, std::string id)
      : StorageDirectory(std::move(catalog), "overlay-images/" + id), id_(std::move(id)) {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    const auto found = snapshot.items.find(id_);
    if (found == snapshot.items.end()) return names;
    for (const auto& [file, blob] : found->second) names.push_back({file, S_IFREG});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    const auto image = snapshot.items.find(id_);
    if (image == snapshot.items.end()) return std::unexpected(ENOENT);
    const auto found = image->second.find(name);
    if (found == image->second.end()) return std::unexpected(ENOENT);
    const StorageBlob& blob = found->second;
    return std::make_shared<BlobNode>(blob.layout, blob.layout->place(place(name)), blob.digest, blob.size,
                                      0);
  }

  const std::string id_;
};

// overlay-images
class ImagesDirectory final : public StorageDirectory {
 public:
  explicit ImagesDirectory(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "overlay-images") {}
  std::chrono::duration<double> names_valid() const override { return kNotAtAll; }

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names{{"images.json", S_IFREG}, {"images.lock", S_IFREG}};
    for (const auto& [id, items] : snapshot.items) names.push_back({id, S_IFDIR});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    if (name == "images.json")
      return std::make_shared<DocumentFile>(place(name), snapshot.images, snapshot.mtime_ns);
    if (name == "images.lock") return text(name, snapshot.images.lock, snapshot);
    if (!snapshot.items.contains(name)) return std::unexpected(ENOENT);
    return std::make_shared<ImageNode>(catalog_, std::string(name));
  }
};

class ErrorsDirectory final : public StorageDirectory {
 public:
  explicit ErrorsDirectory(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "errors") {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names;
    for (const auto& [file, why] : snapshot.errors) names.push_back({file, S_IFREG});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    const auto found = snapshot.errors.find(name);
    if (found == snapshot.errors.end()) return std::unexpected(ENOENT);
    return text(name, found->second, snapshot);
  }
};

class StorageRoot final : public StorageDirectory {
 public:
  explicit StorageRoot(CatalogPtr catalog) : StorageDirectory(std::move(catalog), "") {}

 private:
  std::vector<Name> list_of(const StorageSnapshot& snapshot) override {
    std::vector<Name> names{{"overlay", S_IFDIR}, {"overlay-images", S_IFDIR}, {"overlay-layers", S_IFDIR}};
    if (!snapshot.errors.empty()) names.push_back({"errors", S_IFDIR});
    return names;
  }
  Answer<Child> find_in(const StorageSnapshot& snapshot, std::string_view name, const Context&) override {
    if (name == "overlay") return std::make_shared<OverlayDirectory>(catalog_);
    if (name == "overlay-images") return std::make_shared<ImagesDirectory>(catalog_);
    if (name == "overlay-layers") return std::make_shared<LayerRecordsDirectory>(catalog_);
    if (name == "errors" && !snapshot.errors.empty()) return make_errors_directory(catalog_);
    return std::unexpected(ENOENT);
  }
};

}  // namespace

VirtualNodePtr make_errors_directory(std::shared_ptr<StorageCatalog> catalog) {
  return std::make_shared<ErrorsDirectory>(std::move(catalog));
}

VirtualNodePtr make_storage_root(std::shared_ptr<StorageCatalog> catalog) {
  return std::make_shared<StorageRoot>(std::move(catalog));
}

}  // namespace layoutfs
