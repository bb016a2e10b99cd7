// Platforms: how they are written, which one this machine is, which entry of an index serves it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/cas/descriptor.h"

namespace layoutfs {

// "os[/arch[/variant]]" in Go's names, of any case; what is left out is the host's. The name of an
// architecture alone is that architecture on the host's os. The usual aliases are understood: x86_64,
// aarch64, armhf, i386, ... Errc::invalid_argument.
Result<Platform> parse_platform(std::string_view text);
Platform host_platform();
// One way to write each platform, the one that containerd compares by: lower case, no aliases, arm/v7 for arm
// and arm64/v8 for arm64 without a variant.
Platform normalized(Platform platform);
// Whether this is the platform that marks an attestation: unknown/unknown.
bool is_attestation(const Descriptor& entry);
// "linux/arm64/v8"
std::string to_string(const Platform& platform);
// "linux-arm64-v8", a name for a directory entry; characters other than letters, digits, '.', '_' and '-'
// become '_'.
std::string to_file_name(const Platform& platform);

// The position of the entry that serves `wanted` best: equal os and architecture; the variant as containerd
// compares it (arm64 is arm64/v8, arm is arm/v7 and runs v6 and v5, ...), the nearest first. An entry without
// a platform serves everything, after those that name one. Attestations (unknown/unknown) are never chosen.
// Nothing where none serves.
std::optional<std::size_t> choose_platform(std::span<const Descriptor> entries, const Platform& wanted);

}  // namespace layoutfs
