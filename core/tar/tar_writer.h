// Writes tar headers: POSIX ustar, with pax records (POSIX.1-2001, pax) for fields that do not fit, and for
// xattrs and sparse files.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/tar/tar_parser.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the headers of an entry, and the map of a sparse file (GNU.sparse 1.0): whole blocks. The data
// follows, which is all extents of a sparse file, then tar_padding() zeros. Equal entries give equal bytes.
// `path` and `target` are written verbatim, with a slash after the path of a directory; the root is ".".
// Stream offsets are ignored. Xattrs become records SCHILY.xattr.NAME, ACLs also
// SCHILY.acl.*. Device numbers that do not fit are in GNU tar's base-256.
// Errc::unsupported if an xattr's name contains '=' or a NUL, or if the records exceed
// kMaxExtendedHeaders.
// Precondition: the path is not empty; the extents are ascending, disjoint and below `size`.
Result<Bytes> tar_entry_header(const TarEntry& entry);

// Returns the headers of a regular file of mode 0644 that belongs to root: one block, or three if the path
// does not fit into a header or the size is 8 GiB or more. `mtime` is in seconds since 1970.
Bytes tar_file_header(std::string_view path, std::uint64_t size, std::int64_t mtime);
// Returns the number of zeros between `size` bytes of data and the next header.
std::uint64_t tar_padding(std::uint64_t size) noexcept;

}  // namespace layoutfs
