// Writes tar headers (POSIX ustar, with pax records if a path does not fit).
#pragma once

#include <cstdint>
#include <string_view>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Returns the headers of a regular file of mode 0644 that belongs to root: one block, or three if the path
// does not fit into a header or the size is 8 GiB or more. `mtime` is in seconds since 1970, not negative.
Bytes tar_file_header(std::string_view path, std::uint64_t size, std::int64_t mtime);
// Returns the number of zeros between `size` bytes of data and the next header.
std::uint64_t tar_padding(std::uint64_t size) noexcept;

}  // namespace layoutfs
