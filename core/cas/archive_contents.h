// The files of a layout inside a tar, and their locations.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/tar/tar_parser.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The location of a file's data in the archive.
struct ArchivePlace {
  std::uint64_t offset;  // bytes; for a sparse file, see extents
  std::uint64_t size;    // bytes, holes included
  std::int64_t mtime_ns;
  std::shared_ptr<const std::vector<Extent>> extents;  // of a sparse file; otherwise null
};

// A file, or the error of a symlink with that name: Errc::not_found if it is dangling, Errc::invalid_image if
// it is circular or leaves the archive.
using ArchiveFile = std::variant<ArchivePlace, Error>;

struct ArchiveContents {
  std::unordered_map<Digest, ArchiveFile> blobs;
  std::map<std::string, ArchiveFile, std::less<>> files;  // oci-layout and index.json
  // The names that identify the kind of archive, at most ten thousand: entries of at most two components, the
  // first two components of others, and entries named oci-layout. Directories end with '/'.
  std::set<std::string, std::less<>> names;
};

// Reads all headers of the tar and seeks over the data. If a name occurs twice, the last entry wins. Follows
// symbolic and hard links to other members. Errc::corrupt if the archive is truncated or violates the tar
// format. Errc::unsupported if it has more than a million blobs, or sparse files with more than four million
// extents. Errc::invalid_image if a folder of blobs is a broken link.
Result<ArchiveContents> read_archive_contents(int fd, std::uint64_t size);

}  // namespace layoutfs
