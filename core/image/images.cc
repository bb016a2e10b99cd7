// Implements the public RootFilesystem and Images with Image and ImageLibrary.
#include "layoutfs/images.h"

#include <utility>

#include "core/cache/index_cache.h"
#include "core/image/image.h"
#include "core/image/image_library.h"
#include "core/image/image_set.h"

namespace layoutfs {
namespace {

FileType type_of(EntryType type) {
  switch (type) {
    case EntryType::directory:
      return FileType::directory;
    case EntryType::symlink:
      return FileType::symlink;
    case EntryType::character:
      return FileType::character_device;
    case EntryType::block:
      return FileType::block_device;
    case EntryType::fifo:
      return FileType::fifo;
    case EntryType::file:
    case EntryType::hardlink:  // trees have no hard links
      break;
  }
  return FileType::regular;
}

Result<RootFilesystemPtr> shown(Result<ImagePtr> image) {
  if (!image) return fail(std::move(image).error());
  return std::make_shared<const RootFilesystem>(std::move(*image));
}

}  // namespace

RootFilesystem::RootFilesystem(std::shared_ptr<const Image> image) : image_(std::move(image)) {}
RootFilesystem::~RootFilesystem() = default;

Result<Inode> RootFilesystem::find(std::string_view path, bool follow_last) const {
  return image_->resolve(path, follow_last);
}

FileStatus RootFilesystem::status(Inode inode) const {
  const InodeView view = image_->tree().inode(inode);
  return {.type = type_of(view.type),
          .mode = view.mode,
          .uid = view.uid,
          .gid = view.gid,
          .links = view.nlink,
          .size = view.size,
          .mtime_s = view.mtime.seconds,
          .mtime_ns = view.mtime.nanoseconds,
          .device_major = view.device_major,
          .device_minor = view.device_minor};
}

std::vector<FileEntry> RootFilesystem::list(Inode directory) const {
  const ImageTree& tree = image_->tree();
  std::vector<FileEntry> entries;
  const std::size_t count = tree.child_count(directory);
  entries.reserve(count);
  for (std::size_t rank = 0; rank < count; ++rank) {
    const DirectoryEntry child = tree.child(directory, rank);
    entries.push_back({child.name, child.inode});
  }
  return entries;
}

std::string_view RootFilesystem::target(Inode symlink) const { return image_->tree().inode(symlink).target; }

std::vector<FileAttribute> RootFilesystem::attributes(Inode inode) const {
  const ImageTree& tree = image_->tree();
  const InodeView view = tree.inode(inode);
  std::vector<FileAttribute> attributes;
  attributes.reserve(view.xattr_count);
  for (std::uint32_t i = 0; i < view.xattr_count; ++i) {
    const auto [name, value] = tree.xattr(view.first_xattr + i);
    attributes.push_back({name, value});
  }
  return attributes;
}

Result<std::size_t> RootFilesystem::read(Inode inode, std::span<std::byte> out, std::uint64_t offset,
                                         const Context& context) const {
  return image_->read(inode, out, offset, context);
}

const Digest& RootFilesystem::layer_of(Inode inode) const {
  return image_->layer_of(image_->tree().inode(inode));
}

std::uint64_t RootFilesystem::file_count() const noexcept { return image_->tree().inode_count(); }

std::vector<std::string> RootFilesystem::problems() const { return image_->tree().problems(); }

Images::Images(std::shared_ptr<const LayoutReader> layout, ImagesOptions options)
    : library_(std::make_unique<ImageLibrary>(
          std::move(layout),
          IndexCache(options.cache_directory ? *std::move(options.cache_directory)
                                             : IndexCache::default_directory()),
          LibraryOptions{.cache_size = options.memory,
                         .cache_disk = options.disk,
                         .verify = options.verify,
                         .progress = std::move(options.progress)})) {}
Images::~Images() = default;

Result<RootFilesystemPtr> Images::open(const Descriptor& manifest, const Context& context) {
  return shown(library_->image(manifest, context));
}

Result<RootFilesystemPtr> Images::open_layer(const Descriptor& layer, const Context& context) {
  return shown(library_->layer_tree(layer, context));
}

Result<ImageList> list_all_images(const LayoutReader& layout, const Context& context) {
  auto all = all_images(layout, context);
  if (!all) return fail(std::move(all).error());
  ImageList list{.manifests = {}, .problems = std::move(all->problems)};
  for (ImageSet::Image& image : all->images) list.manifests.push_back(std::move(image.manifest));
  return list;
}

}  // namespace layoutfs
