// Platforms: their names, the host's platform, and the choice of an index entry.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Parses "os[/arch[/variant]]" in Go's names, in any case; missing parts are the host's. An architecture
// alone means the host's os. Accepts the usual aliases: x86_64, aarch64, armhf, i386, ...
// Errc::invalid_argument if it is not a platform.
Result<Platform> parse_platform(std::string_view text);
// Returns the platform of this machine, normalized.
Platform host_platform();
// Returns the normal form that containerd uses for comparison: lower case, no aliases, arm/v7 for arm and
// arm64/v8 for arm64 without a variant, no os.version, and os.features unchanged.
Platform normalized(Platform platform);
// Returns whether an index entry is an attestation as BuildKit writes it: its platform is unknown/unknown, or
// it has the annotation vnd.docker.reference.type.
bool is_attestation(const Descriptor& entry);
// Returns whether the descriptor alone shows that an index entry is not an image: an attestation, or an
// artifact with an artifactType.
bool is_not_image(const Descriptor& entry);
// Returns whether an index entry does not state its platform.
bool is_without_platform(const Descriptor& entry);
// Returns the distance of an image's platform from `wanted`: 0 is the best, nullopt if it does not match. The
// os and the architecture must be equal, and `wanted` must have all os.features of the image. Variants are
// compared as in containerd. Both are normalized first.
std::optional<int> platform_distance(const Platform& image, const Platform& wanted);
// Returns "linux/arm64/v8".
std::string to_string(const Platform& platform);
// Returns "linux-arm64-v8", a name for a directory entry. Characters other than letters, digits, '.', '_' and
// '-' become '_'.
std::string to_file_name(const Platform& platform);

// Returns the position of the entry with the smallest platform_distance() from `wanted` (arm64 is arm64/v8,
// arm is arm/v7 and runs v6 and v5, ...), the first if several are equal, nullopt if none matches. Entries
// without a platform match everything, but rank last. Entries that are not images never match.
std::optional<std::size_t> choose_platform(std::span<const Descriptor> entries, const Platform& wanted);

}  // namespace layoutfs
