// The files of images: the merged root filesystem of each, read without unpacking or mounting anything.
//
//   auto layout = layoutfs::open_reader("images");
//   auto manifest = layoutfs::find_image(**layout, "app:1.0");
//   layoutfs::Images images(std::move(*layout));
//   auto root = images.open(*manifest);
//   auto file = (*root)->find("etc/os-release");
//   auto size = (*root)->read(*file, buffer, 0);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

class Image;
class ImageLibrary;

// Numbers of files: from 1, the root, without gaps. Of one image they are the same in every process.
using Inode = std::uint64_t;
inline constexpr Inode kRootInode = 1;

enum class FileType : std::uint8_t { regular, directory, symlink, character_device, block_device, fifo };

// As stat(2) has it.
struct FileStatus {
  FileType type;
  std::uint32_t mode;  // the twelve permission bits
  std::uint32_t uid, gid;
  std::uint32_t links;     // directories: 2 and one for each sub-directory
  std::uint64_t size;      // bytes; of symlinks: of the target; of directories: 0
  std::int64_t mtime_s;    // seconds since 1970
  std::uint32_t mtime_ns;  // 0 to 999,999,999, counted forward also before 1970
  std::uint32_t device_major, device_minor;
};

// Views of what the filesystem holds: valid as long as it.
struct FileEntry {
  std::string_view name;
  Inode inode;
};
struct FileAttribute {
  std::string_view name;  // "security.capability"
  std::string_view value;
};

// One filesystem. Immutable; any number of threads may read at once. It stays readable if the image is
// removed from the layout. An inode must be one that this filesystem gave: any other number ends the program.
class RootFilesystem {
 public:
  explicit RootFilesystem(std::shared_ptr<const Image> image);  // those of Images make them
  ~RootFilesystem();

  // Returns the file at `path`, with or without a leading '/'. Symlinks are followed inside the filesystem,
  // the last one only with `follow_last`. Errc::not_found, also for a loop of symlinks.
  Result<Inode> find(std::string_view path, bool follow_last = true) const;
  FileStatus status(Inode inode) const;
  // The entries of a directory in the byte order of their names; empty for anything else.
  std::vector<FileEntry> list(Inode directory) const;
  // The target of a symlink; empty for anything else.
  std::string_view target(Inode symlink) const;
  // Extended attributes, sorted by name.
  std::vector<FileAttribute> attributes(Inode inode) const;
  // Reads content of a regular file from `offset` on into `out`; holes read as zeros. Returns the number of
  // bytes, fewer than `out.size()` only at the end of the file, and 0 for anything but a regular file.
  // Decodes the part of the layer around these bytes, or takes it from memory. Errc::corrupt if the layer is
  // damaged there; Errc::io; Errc::cancelled soon after `context` ends.
  Result<std::size_t> read(Inode inode, std::span<std::byte> out, std::uint64_t offset,
                           const Context& context = {}) const;
  // The layer that holds the content of a regular file.
  const Digest& layer_of(Inode inode) const;
  // The number of files: inodes are from 1 to it.
  std::uint64_t file_count() const noexcept;
  // One sentence for each entry of a layer that could not be applied; at most 100.
  std::vector<std::string> problems() const;

 private:
  std::shared_ptr<const Image> image_;
};
using RootFilesystemPtr = std::shared_ptr<const RootFilesystem>;

struct ImagesOptions {
  // Where indexes of layers and trees of images are kept for the next time, for all layouts: by default
  // $LAYOUTFS_CACHE_DIR, or layoutfs in $XDG_CACHE_HOME. If it is empty, or cannot be written, they are kept
  // in memory alone.
  std::optional<std::string> cache_directory;
  std::uint64_t memory = std::uint64_t{256} << 20;  // bytes of decoded data that are kept
  std::uint64_t disk = std::uint64_t{4} << 30;      // bytes of decoded copies in the cache directory
  bool verify = true;                               // decoded data against the checksums of the index
  // Called while a layer is indexed, by the thread that does it.
  std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> progress;
};

// The images of one layout. Thread-safe; what several threads open at once is made once.
class Images {
 public:
  explicit Images(std::shared_ptr<const LayoutReader> layout, ImagesOptions options = {});
  ~Images();

  // The merged root filesystem of the image with this manifest (find_image() of reference.h). Cost: the first
  // time, reads and decodes each layer once, to index it; later a few milliseconds. Errc::not_found if a blob
  // is missing; Errc::corrupt for a damaged one, or a layer that differs from its diffID;
  // Errc::invalid_image, Errc::unsupported for what is not an image, or uses a feature that is not read;
  // Errc::cancelled.
  Result<RootFilesystemPtr> open(const Descriptor& manifest, const Context& context = {});
  // One layer alone, its whiteouts visible as files. Errors are those of open().
  Result<RootFilesystemPtr> open_layer(const Descriptor& layer, const Context& context = {});

 private:
  std::unique_ptr<ImageLibrary> library_;
};

// The images that a layout has, each once: all that its references lead to.
struct ImageList {
  std::vector<Descriptor> manifests;
  std::vector<Error> problems;  // documents that may lead to more, and cannot be read or understood
};
// Fails only if the references cannot be read, or with Errc::cancelled.
Result<ImageList> list_all_images(const LayoutReader& layout, const Context& context = {});

}  // namespace layoutfs
