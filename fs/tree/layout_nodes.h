// The directories, symlinks and files of a layout's tree, without the files of its images.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/image/image_library.h"
#include "fs/tree/layout_context.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// A directory that creates its entries by name on demand. `list` returns its names.
class Directory : public VirtualNode {
 public:
  // `identity` is a place of the layout (LayoutContext::place).
  Directory(LayoutPtr layout, std::string identity)
      : VirtualNode(std::move(identity)), layout_(std::move(layout)) {}
  // Returns the time of index.json, because all content depends on it.
  Answer<Properties> properties() override;

 protected:
  std::int64_t catalog_ns() const { return layout_->catalog()->current()->mtime_ns; }

  const LayoutPtr layout_;
};

class Symlink final : public VirtualNode {
 public:
  // `place` is its path in the mount.
  Symlink(const std::string& place, std::string target, std::int64_t mtime_ns)
      : VirtualNode(place + " -> " + target), target_(std::move(target)), mtime_ns_(mtime_ns) {}
  Answer<Properties> properties() override { return Properties{S_IFLNK | 0777, target_.size(), mtime_ns_}; }
  Answer<std::string> readlink() override { return target_; }

 private:
  const std::string target_;
  const std::int64_t mtime_ns_;
};

// A small file in memory.
class TextFile final : public SizedFile {
 public:
  TextFile(const std::string& place, Bytes content, std::int64_t mtime_ns);
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override;

 private:
  const Bytes content_;
};

// A blob, byte for byte.
class BlobNode final : public SizedFile {
 public:
  BlobNode(LayoutPtr layout, const std::string& place, Digest digest, std::uint64_t size,
           std::int64_t mtime_ns)
      : SizedFile(place + " " + digest.str() + " " + std::to_string(size), size, mtime_ns),
        layout_(std::move(layout)),
        digest_(std::move(digest)) {}
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override;

 private:
  const LayoutPtr layout_;
  const Digest digest_;
};

// A layer's uncompressed stream. Opens the layer for each read: the library keeps used layers open and closes
// others.
class LayerTarFile final : public SizedFile {
 public:
  LayerTarFile(LayoutPtr layout, const std::string& place, Descriptor descriptor, std::uint64_t size,
               std::int64_t mtime_ns)
      : SizedFile(place, size, mtime_ns), layout_(std::move(layout)), descriptor_(std::move(descriptor)) {}
  Answer<void> read(IoBuffers& out, std::size_t size, std::uint64_t offset, const Context& context) override;

 private:
  const LayoutPtr layout_;
  const Descriptor descriptor_;
};

// The root of a layout.
VirtualNodePtr make_layout_root(const LayoutPtr& layout);

// Returns the directory of a manifest or index below manifests/<algorithm>/ (manifest_nodes.cc).
VirtualNodePtr make_manifest_directory(const LayoutPtr& layout, const Descriptor& descriptor);

// Returns a child that is a blob; ENOENT if the layout does not have it.
Answer<Child> blob_child(const LayoutPtr& layout, const std::string& place, const Digest& digest);

// Returns the content of a text file.
Bytes to_bytes(std::string_view text);

// Logs the error and returns its errno.
std::unexpected<int> failed(const Error& error);

}  // namespace layoutfs
