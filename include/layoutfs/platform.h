// Platforms: how they are written, which one this machine is, which entry of an index serves it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"

namespace layoutfs {

// "os[/arch[/variant]]" in Go's names, of any case; what is left out is the host's. The name of an
// architecture alone is that architecture on the host's os. The usual aliases are understood: x86_64,
// aarch64, armhf, i386, ... Errc::invalid_argument.
Result<Platform> parse_platform(std::string_view text);
Platform host_platform();
// One way to write each platform, the one that containerd compares by: lower case, no aliases, arm/v7 for arm
// and arm64/v8 for arm64 without a variant; without os.version, and with os.features as they are.
Platform normalized(Platform platform);
// Returns whether an entry of an index is an attestation, as BuildKit writes them: of the platform
// unknown/unknown, or with the annotation vnd.docker.reference.type.
bool is_attestation(const Descriptor& entry);
// Returns whether an entry of an index says itself that it is not an image: an attestation, or an artifact by
// its artifactType.
bool is_not_image(const Descriptor& entry);
// Returns whether an entry does not tell for which platform it is.
bool is_without_platform(const Descriptor& entry);
// How far the platform of an image is from the wanted one, 0 at best; nothing if it does not serve. The os,
// the architecture and the os.features must be those of `wanted`, of the latter all that the image needs; the
// variant is compared as containerd does. Both are normalized first.
std::optional<int> platform_distance(const Platform& image, const Platform& wanted);
// "linux/arm64/v8"
std::string to_string(const Platform& platform);
// "linux-arm64-v8", a name for a directory entry; characters other than letters, digits, '.', '_' and '-'
// become '_'.
std::string to_file_name(const Platform& platform);

// The position of the entry that serves `wanted` best, by its platform_distance() (arm64 is arm64/v8, arm is
// arm/v7 and runs v6 and v5, ...); of equal ones the first. An entry without a platform serves everything,
// after those that name one. Entries that are not images are never chosen. Nothing if none serves.
std::optional<std::size_t> choose_platform(std::span<const Descriptor> entries, const Platform& wanted);

}  // namespace layoutfs
