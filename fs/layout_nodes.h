// The directories, symlinks and files of a layout's tree, other than the files of its images.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/image/image_library.h"
#include "core/oci/platform.h"
#include "fs/catalog.h"
#include "fs/image_slots.h"
#include "fs/virtual_node.h"

namespace layoutfs {

// For names, and for attributes of what can change: a change in the layout is seen after this time at the
// latest, also where nothing tells of it.
inline constexpr std::chrono::duration<double> kShortly{1.0};

// Keeps the blobs open that were read last, so that the number of open files stays bounded. Thread-safe.
class OpenBlobs {
 public:
  explicit OpenBlobs(const Engine& engine) : engine_(engine) {}
  Result<BlobPtr> open(const Digest& digest);

 private:
  static constexpr std::size_t kMaxOpen = 32;
  struct Item {
    Digest digest;
    BlobPtr blob;
  };
  const Engine& engine_;
  Guarded<std::list<Item>> items_;  // the last one used first
};

// What all nodes need; outlives them.
struct LayoutContext {
  LayoutContext(std::shared_ptr<ImageLibrary> library_, Platform platform_, Ownership ownership)
      : library(std::move(library_)),
        platform(std::move(platform_)),
        catalog(library->engine()),
        slots(library, ownership),
        blobs(library->engine()) {}

  const Engine& engine() const noexcept { return library->engine(); }

  const std::shared_ptr<ImageLibrary> library;
  const Platform platform;
  CatalogKeeper catalog;
  ImageSlots slots;
  OpenBlobs blobs;
};

// A directory whose entries are known by name, each made when it is asked for. Its names are what `list`
// gives.
class Directory : public Node {
 public:
  Directory(LayoutContext& context, std::string identity) : Node(std::move(identity)), context_(context) {}
  // Of index.json: whatever changes below, changes with that.
  Answer<Properties> properties() override;

 protected:
  LayoutContext& context_;
};

class Symlink final : public Node {
 public:
  // `place` is its path in the mount.
  Symlink(const std::string& place, std::string target, std::int64_t mtime_ns)
      : Node(place + " -> " + target), target_(std::move(target)), mtime_ns_(mtime_ns) {}
  Answer<Properties> properties() override { return Properties{S_IFLNK | 0777, target_.size(), mtime_ns_}; }
  Answer<std::string> readlink() override { return target_; }

 private:
  const std::string target_;
  const std::int64_t mtime_ns_;
};

// A small file in memory.
class TextFile final : public Node {
 public:
  TextFile(const std::string& place, Bytes content, std::int64_t mtime_ns);
  Answer<Properties> properties() override { return Properties{S_IFREG | 0444, content_.size(), mtime_ns_}; }
  Answer<void> read(Pieces& out, std::size_t size, std::uint64_t offset) override;

 private:
  const Bytes content_;
  const std::int64_t mtime_ns_;
};

// A blob, byte for byte.
class BlobFile final : public Node {
 public:
  BlobFile(LayoutContext& context, const std::string& place, Digest digest, std::uint64_t size,
           std::int64_t mtime_ns)
      : Node(place + " " + digest.str() + " " + std::to_string(size)),
        context_(context),
        digest_(std::move(digest)),
        size_(size),
        mtime_ns_(mtime_ns) {}
  Answer<Properties> properties() override { return Properties{S_IFREG | 0444, size_, mtime_ns_}; }
  Answer<void> read(Pieces& out, std::size_t size, std::uint64_t offset) override;

 private:
  LayoutContext& context_;
  const Digest digest_;
  const std::uint64_t size_;
  const std::int64_t mtime_ns_;
};

// A layer's uncompressed stream.
class LayerTarFile final : public Node {
 public:
  LayerTarFile(const std::string& place, LayerPtr layer, std::int64_t mtime_ns)
      : Node(place), layer_(std::move(layer)), mtime_ns_(mtime_ns) {}
  Answer<Properties> properties() override {
    return Properties{S_IFREG | 0444, layer_->stream->size(), mtime_ns_};
  }
  Answer<void> read(Pieces& out, std::size_t size, std::uint64_t offset) override;

 private:
  const LayerPtr layer_;
  const std::int64_t mtime_ns_;
};

// The root of the mount.
NodePtr make_layout_root(LayoutContext& context);

// What manifest_nodes.cc adds: the directory of a manifest or index, below manifests/<algorithm>/.
NodePtr make_manifest_directory(LayoutContext& context, const Descriptor& descriptor);

// A child that is a blob; ENOENT where the layout has none of that digest.
Answer<Child> blob_child(LayoutContext& context, const std::string& place, const Digest& digest);

// Logs why, and gives the errno.
std::unexpected<int> failed(const Error& error);

}  // namespace layoutfs
