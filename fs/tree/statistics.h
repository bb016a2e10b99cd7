// Statistics of a mount, for people and programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/image/image_library.h"
#include "fs/tree/view.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// The xattr of the mount's root with the statistics. Not listed, so that copies do not include it.
inline constexpr std::string_view kStatisticsXattr = "user.layoutfs.stats";

// The member with the digest of the mounted manifest.
inline constexpr std::string_view kStatisticsManifest = "manifest";

// Returns one JSON object: the view; the digest of the manifest, if a single image is mounted; indexes built
// and loaded, trees built and loaded; the span cache's bytes, hits, misses, decoded bytes, read-ahead bytes
// and verify failures; decoded copies made and dropped, and spans read from them; the pid of the serving
// process; and the members of LibraryOptions::add_statistics.
std::string statistics_json(const LibraryResources& resources, View view,
                            const std::optional<Digest>& manifest = {});

// Returns the inode number of this process's pid namespace; 0 if unknown.
std::uint64_t pid_namespace();

}  // namespace layoutfs
