// What a mount has done so far, for people and programs that ask.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/image/image_library.h"

namespace layoutfs {

// The xattr of the mount's root that answers it. It is not listed, so that nothing copies it.
inline constexpr std::string_view kStatisticsXattr = "user.layoutfs.stats";

// As one JSON object: indexes built and loaded, trees built and loaded, the span cache's bytes, hits, misses,
// decoded bytes, those of them that were decoded ahead, and verify failures, and the decoded copies made and
// dropped, with the spans read from such; and the process that serves, as others in its pid namespace call
// it.
std::string statistics_json(const LibraryResources& resources);

// The inode number of this process's pid namespace; 0 if it is unknown.
std::uint64_t pid_namespace();

}  // namespace layoutfs
