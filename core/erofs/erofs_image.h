// An image tree as an EROFS filesystem: the metadata that Linux reads, and a map of the content of files.
// docs/erofs.md draws the bytes.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/file.h"
#include "core/image/image_tree.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr std::uint64_t kErofsBlockSize = 4096;
// Larger files are on the second of two devices.
inline constexpr std::uint64_t kErofsLargestOfFirstDevice = std::uint64_t{128} << 10;

// Where the content of regular files is. The metadata is the same but for these addresses.
enum class ErofsPlacement : std::uint8_t {
  appended,     // after the metadata: one self-contained filesystem image
  two_devices,  // on two devices with the same content, one for small and one for large files
};

// The tree that a filesystem is made of.
enum class ErofsContent : std::uint8_t {
  image,  // one with Whiteouts::apply
  layer,  // one with Whiteouts::show; its whiteouts become those of overlayfs
};

struct ErofsForm {
  // NOLINTNEXTLINE(google-explicit-constructor)
  ErofsForm(ErofsPlacement placement_, ErofsContent content_ = ErofsContent::image)
      : placement(placement_), content(content_) {}
  ErofsPlacement placement;
  ErofsContent content;
  bool operator==(const ErofsForm&) const = default;
};

// A part of a file on the data device: up to the block of the next run. Bytes beyond the end of the file are
// zeros.
struct ErofsRun {
  std::uint32_t block;       // on the data device
  std::uint32_t file_block;  // in the file
  std::uint32_t inode;       // Inode
};

// Immutable. In memory or mapped.
struct ErofsImage {
  SharedBytes file;   // contains the rest, from its start; see erofs_file.h
  ByteView metadata;  // whole blocks
  // In the order of blocks, without gaps; sorted by the layers and their streams.
  std::span<const ErofsRun> runs;
  std::uint64_t data_blocks;  // size of the data device
  std::uint64_t inode_count;  // of the tree
};

// Makes the filesystem. Modes and xattrs are those of FileAttributes with all ACLs enforced. Equal trees and
// digests give equal bytes, so a copy can be verified by its hash; `image` becomes the UUID. Holes are kept
// where they are whole blocks. Cost: about 1 µs and 100 bytes per entry, and as much memory again while it
// works. Errc::unsupported if EROFS cannot represent the tree: an xattr value of more than 65,535 bytes, more
// than 262,148 bytes of xattrs of a file, a name of more than 255 bytes, a device major above 4,095, more
// than 16 TiB, or metadata of more than 2 GiB or 64 MiB and 2 KiB per inode. Format: Linux,
// fs/erofs/erofs_fs.h.
Result<ErofsImage> make_erofs(const ImageTree& tree, const Digest& image, ErofsForm form);

}  // namespace layoutfs
