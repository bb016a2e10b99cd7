// The merged root filesystem of an image, read without unpacking or mounting.
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

// File numbers from 1 (the root) without gaps. An image has the same numbers in every process.
using Inode = std::uint64_t;
inline constexpr Inode kRootInode = 1;

enum class FileType : std::uint8_t { regular, directory, symlink, character_device, block_device, fifo };

// The attributes of a file, as in stat(2).
struct FileStatus {
  FileType type;
  std::uint32_t mode;  // the twelve permission bits
  std::uint32_t uid, gid;
  std::uint32_t links;     // directories: 2 plus the number of sub-directories
  std::uint64_t size;      // bytes; symlinks: of the target; directories: 0
  std::int64_t mtime_s;    // seconds since 1970
  std::uint32_t mtime_ns;  // 0 to 999,999,999; counts forward before 1970, too
  std::uint32_t device_major, device_minor;
};

// Views into the filesystem, valid as long as it.
struct FileEntry {
  std::string_view name;
  Inode inode;
};
// An extended attribute (xattr(7)).
struct FileAttribute {
  std::string_view name;  // "security.capability"
  std::string_view value;
};

// One filesystem. Immutable; any number of threads may read at the same time. It stays readable if the image
// is removed from the layout. Inodes must come from this filesystem: any other number aborts the program.
class RootFilesystem {
 public:
  explicit RootFilesystem(std::shared_ptr<const Image> image);  // called by Images
  ~RootFilesystem();

  // Returns the file at `path`, with or without a leading '/'. Resolves symlinks inside the filesystem; the
  // last one only if `follow_last`. Cost: a binary search per component. Errc::not_found if there is no such
  // file, or if symlinks form a loop.
  Result<Inode> find(std::string_view path, bool follow_last = true) const;
  FileStatus status(Inode inode) const;
  // Returns the entries of a directory in byte order of their names; none if it is not a directory.
  std::vector<FileEntry> list(Inode directory) const;
  // Returns the target of a symlink; "" if it is not a symlink.
  std::string_view target(Inode symlink) const;
  // Returns the extended attributes, sorted by name.
  std::vector<FileAttribute> attributes(Inode inode) const;
  // Reads content of a regular file into `out`, starting at `offset`; holes read as zeros. Returns the number
  // of bytes: fewer than out.size() only at the end of the file, and 0 if it is not a regular file. Cost:
  // decodes the spans of the layer that overlap the range, unless they are cached.
  // Errc::corrupt if the layer is damaged there. Errc::io. Errc::cancelled soon after `context` ends.
  Result<std::size_t> read(Inode inode, std::span<std::byte> out, std::uint64_t offset,
                           const Context& context = {}) const;
  // Returns the digest of the layer with the content of a regular file.
  const Digest& layer_of(Inode inode) const;
  // Returns the number of files; inodes range from 1 to this number.
  std::uint64_t file_count() const noexcept;
  // Returns one sentence for each layer entry that could not be applied; at most 100.
  std::vector<std::string> problems() const;

 private:
  std::shared_ptr<const Image> image_;
};
using RootFilesystemPtr = std::shared_ptr<const RootFilesystem>;

// Budgets and the cache directory. The defaults are those of a mount.
struct ImagesOptions {
  // The directory for layer indexes and image trees of all layouts. Default: $LAYOUTFS_CACHE_DIR, or layoutfs
  // in $XDG_CACHE_HOME. If it is empty or not writable, they are kept in memory only.
  std::optional<std::string> cache_directory;
  std::uint64_t memory = std::uint64_t{256} << 20;  // budget for decoded data, in bytes
  std::uint64_t disk = std::uint64_t{4} << 30;      // budget for decoded copies in the cache directory, in
                                                    // bytes
  bool verify = true;                               // check decoded data against the checksums of the index
  // Called while a layer is indexed, by the indexing thread.
  std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> progress;
};

// The images of one layout. Thread-safe: if several threads open an image, it is built once.
class Images {
 public:
  // Cost: none; images are opened on demand.
  explicit Images(std::shared_ptr<const LayoutReader> layout, ImagesOptions options = {});
  ~Images();

  // Returns the merged root filesystem of the image with this manifest (find_image() of reference.h). Cost:
  // the first call reads and decodes each layer once to index it; later calls take a few milliseconds.
  // Errc::not_found if a blob is missing. Errc::corrupt if a blob is damaged, or a layer does not match its
  // diffID. Errc::invalid_image or Errc::unsupported if it is not an image, or uses an unsupported feature.
  // Errc::cancelled.
  Result<RootFilesystemPtr> open(const Descriptor& manifest, const Context& context = {});
  // Returns the files of one layer, with its whiteouts as files. Errors are those of open().
  Result<RootFilesystemPtr> open_layer(const Descriptor& layer, const Context& context = {});

 private:
  std::unique_ptr<ImageLibrary> library_;
};

// The images that are reachable from the references of a layout, without duplicates.
struct ImageList {
  std::vector<Descriptor> manifests;
  std::vector<Error> problems;  // documents that cannot be read or parsed and may lead to more images
};
// Fails only if the references cannot be read, or with Errc::cancelled. Cost: reads each reachable index and
// manifest once.
Result<ImageList> list_all_images(const LayoutReader& layout, const Context& context = {});

}  // namespace layoutfs
