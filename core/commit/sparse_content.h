// The holes of a file, independent of the file system that stores it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tar/tar_parser.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Smaller holes are stored as zeros, which compress well. Engines of containers-storage cannot restore the
// tar of a sparse file: podman pulls such an image, but does not push it again.
inline constexpr std::uint64_t kLeastHoles = std::uint64_t{64} << 20;

// Returns the extents of an open file of `size` bytes that are not zeros, in units of 4 KiB, if the file has
// a hole and the rest is `least` bytes or more; without stream offsets. Returns nullopt otherwise, or if
// there are more extents than are worth a map. File systems have holes of different sizes, and copies may
// fill them; so only the existence of a hole depends on the file system, and the extents on the content.
// Cost: reads a file with a hole, but not its holes. Errc::io.
Result<std::optional<std::vector<Extent>>> find_extents(int fd, std::uint64_t size,
                                                        std::uint64_t least = kLeastHoles);

}  // namespace layoutfs
