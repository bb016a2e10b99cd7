// Reads files of an image.
#include "core/image/image.h"

#include <algorithm>

#include "core/base/beneath.h"
#include "core/base/check.h"
#include "core/layer/data_offset.h"

namespace layoutfs {
namespace {

std::unexpected<Error> ends_early() { return fail(Errc::corrupt, "the layer's stream ends within the file"); }

// A smaller file is decoded by its first read.
constexpr std::uint64_t kLeastAnnounced = std::uint64_t{1} << 20;

// Returns the extent that contains `offset`, otherwise the next one.
std::span<const Extent>::iterator extent_at(std::span<const Extent> extents, std::uint64_t offset) {
  // The first one that ends after `offset`; none is empty.
  return std::ranges::lower_bound(extents, offset, {},
                                  [](const Extent& extent) { return extent.offset + extent.size - 1; });
}

}  // namespace

Image::Image(std::shared_ptr<const ImageTree> tree, std::vector<std::shared_ptr<const LayerStream>> layers,
             std::vector<Digest> layer_digests)
    : tree_(std::move(tree)), layers_(std::move(layers)), layer_digests_(std::move(layer_digests)) {
  check(layers_.size() >= tree_->layer_count() && layer_digests_.size() == layers_.size(),
        "an image has the layers that its tree names");
}

Result<std::size_t> Image::read(Inode inode, std::span<std::byte> out, std::uint64_t offset,
                                const Context& context) const {
  IoBuffers pieces;
  if (auto done = read(inode, pieces, out.size(), offset, context); !done)
    return fail(std::move(done).error());
  pieces.copy_to(out);
  return pieces.size();
}

Status Image::read(Inode inode, IoBuffers& out, std::size_t size, std::uint64_t offset,
                   const Context& context) const {
  const InodeView file = tree_->inode(inode);
  if (file.type != EntryType::file || offset >= file.size) return {};
  const std::uint64_t end = offset + std::min<std::uint64_t>(size, file.size - offset);
  const auto read_data = [&](std::uint64_t stream_offset, std::uint64_t from, std::uint64_t to) -> Status {
    const auto got =
        layers_[file.layer]->read(out, static_cast<std::size_t>(to - from), stream_offset, context);
    if (!got) return fail(Error(got.error()));
    if (*got < to - from) return ends_early();
    return {};
  };
  if (!file.is_sparse) return read_data(file.stream_offset + offset, offset, end);

  for (auto extent = extent_at(file.extents, offset); extent != file.extents.end() && extent->offset < end;
       ++extent) {
    const std::uint64_t from = std::max(offset, extent->offset);
    const std::uint64_t to = std::min(end, extent->offset + extent->size);
    out.append_zeros(static_cast<std::size_t>(from - offset));
    if (auto done = read_data(extent->stream_offset + (from - extent->offset), from, to); !done) return done;
    offset = to;
  }
  out.append_zeros(static_cast<std::size_t>(end - offset));
  return {};
}

void Image::will_read(Inode inode) const noexcept {
  const InodeView file = tree_->inode(inode);
  const auto offset = data_offset(file);
  if (!offset || file.stored < kLeastAnnounced) return;
  // The extents of a sparse file follow each other in the stream.
  layers_[file.layer]->will_read(*offset, file.stored);
}

std::optional<std::uint64_t> Image::seek(Inode inode, std::uint64_t offset, Seek what) const {
  const InodeView file = tree_->inode(inode);
  if (offset >= file.size) return std::nullopt;
  if (!file.is_sparse) return what == Seek::data ? offset : file.size;
  auto extent = extent_at(file.extents, offset);
  if (what == Seek::data) {
    if (extent == file.extents.end()) return std::nullopt;
    return std::max(offset, extent->offset);
  }
  // Extents may be adjacent: the hole follows the last one of them.
  while (extent != file.extents.end() && extent->offset <= offset) {
    offset = extent->offset + extent->size;
    ++extent;
  }
  return offset;
}

Result<Inode> Image::resolve(std::string_view path, bool follow_last) const {
  const auto missing = [&] {
    return fail(Errc::not_found, std::string(path) + ": no such file in the image");
  };
  // A stack of remaining paths: a symlink's target comes before the components after the symlink.
  std::vector<std::string_view> pending{path};
  Inode here = kRootInode;
  int links = 0;
  while (!pending.empty()) {
    std::string_view& rest = pending.back();
    rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
    if (rest.empty()) {
      pending.pop_back();
      continue;
    }
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(name.size());
    const bool is_last = pending.size() == 1 && rest.empty();
    const InodeView directory = tree_->inode(here);
    if (directory.type != EntryType::directory) return missing();
    if (name == ".") continue;
    if (name == "..") {
      here = directory.parent;
      continue;
    }
    const auto child = tree_->find(here, name);
    if (!child) return missing();
    const InodeView found = tree_->inode(*child);
    if (found.type != EntryType::symlink || (is_last && !follow_last)) {
      here = *child;
      continue;
    }
    if (++links > kMaxLinks) return fail(Errc::not_found, std::string(path) + ": too many symlinks");
    if (found.target.starts_with('/')) here = kRootInode;
    pending.push_back(found.target);
  }
  return here;
}

}  // namespace layoutfs
