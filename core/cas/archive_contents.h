// The files of a layout inside a tar, and where they lie in it.
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

// A file's data in the archive.
struct ArchivePlace {
  std::uint64_t offset;  // bytes; of a sparse file, see extents
  std::uint64_t size;    // bytes, holes included
  std::int64_t mtime_ns;
  std::shared_ptr<const std::vector<Extent>> extents;  // of a sparse file; else null
};

// A file, or why the symlink of that name leads to none: Errc::not_found if it leads to nothing,
// Errc::invalid_image if it goes round in a circle or leaves the archive.
using ArchiveFile = std::variant<ArchivePlace, Error>;

struct ArchiveContents {
  std::unordered_map<Digest, ArchiveFile> blobs;
  std::map<std::string, ArchiveFile, std::less<>> files;  // oci-layout and index.json
  // Of the archive's entries, those of at most two components, the first two components of others, and those
  // called oci-layout, ten thousand at most; of directories with a '/' at the end.
  std::set<std::string, std::less<>> names;
};

// Reads the headers of the whole tar, and jumps over the data. Of a name that stands there twice the last
// entry counts. Symbolic and hard links to other files of the archive are followed. Errc::corrupt where the
// archive is cut off or otherwise breaks the format of tars; Errc::unsupported for more than a million blobs,
// or for sparse files of more than four million pieces; Errc::invalid_image where a folder of blobs is a link
// that leads to none.
Result<ArchiveContents> read_archive_contents(int fd, std::uint64_t size);

}  // namespace layoutfs
