// Headers of tars that are written here (POSIX ustar, with pax records where a path does not fit).
#pragma once

#include <cstdint>
#include <string_view>

#include "layoutfs/bytes.h"

namespace layoutfs {

// What stands in front of the data of a regular file of mode 0644 that belongs to root: one block, or three
// where the path is longer than a header has room for, or the size is 8 GiB or more. `mtime` in seconds since
// 1970, not negative.
Bytes tar_file_header(std::string_view path, std::uint64_t size, std::int64_t mtime);
// The zeros between the data of `size` bytes and the next header.
std::uint64_t tar_padding(std::uint64_t size) noexcept;

}  // namespace layoutfs
