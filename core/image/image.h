// An image or a single layer that is ready for reading: its tree and the streams of its layers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image_tree.h"
#include "core/stream/layer_stream.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Immutable. Thread-safe.
class Image {
 public:
  Image(std::shared_ptr<const ImageTree> tree, std::vector<std::shared_ptr<const LayerStream>> layers,
        std::vector<Digest> layer_digests);
  const ImageTree& tree() const noexcept { return *tree_; }
  // Returns the layer with the content of a file.
  const Digest& layer_of(const InodeView& file) const { return layer_digests_[file.layer]; }

  // Reads content of a file into `out`, starting at `offset`; holes read as zeros. Returns the number of
  // bytes, fewer than out.size() only at the end of the file. Errc::cancelled soon after `context` ends;
  // other readers are not affected.
  Result<std::size_t> read(Inode inode, std::span<std::byte> out, std::uint64_t offset,
                           const Context& context = {}) const;
  // The same, but appends the bytes to `out`, if possible without copying.
  Status read(Inode inode, IoBuffers& out, std::size_t size, std::uint64_t offset,
              const Context& context = {}) const;
  // Announces that one reader will read the content of a file in order, beginning soon, so that it is decoded
  // ahead of it on all cores from its first byte on. Has no effect for small files. Does not wait.
  void will_read(Inode inode) const noexcept;
  // SEEK_DATA and SEEK_HOLE of lseek(2); returns nullopt (ENXIO) at or beyond the end.
  enum class Seek { data, hole };
  std::optional<std::uint64_t> seek(Inode inode, std::uint64_t offset, Seek what) const;
  // Returns the inode at `path`. Resolves symlinks inside the root; the last one only if `follow_last`.
  // Errc::not_found if it does not exist or symlinks form a loop.
  Result<Inode> resolve(std::string_view path, bool follow_last = true) const;

 private:
  std::shared_ptr<const ImageTree> tree_;
  std::vector<std::shared_ptr<const LayerStream>> layers_;
  std::vector<Digest> layer_digests_;
};
using ImagePtr = std::shared_ptr<const Image>;

}  // namespace layoutfs
