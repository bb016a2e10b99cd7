// The holes of a file, independent of the file system that stores it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tar/tar_parser.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the extents of an open file of `size` bytes that are not zeros, in units of 4 KiB, if the file has
// a hole; without stream offsets. Returns nullopt if it has none, or more extents than are worth a map. File
// systems have holes of different sizes, and copies may fill them; so only the existence of a hole depends on
// the file system, and the extents on the content. Cost: reads a file with a hole, but not its holes.
// Errc::io.
Result<std::optional<std::vector<Extent>>> find_extents(int fd, std::uint64_t size);

}  // namespace layoutfs
