// Docker's short names of images: `redis` means `docker.io/library/redis:latest`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layoutfs {

// Returns `name` with registry, path and tag. The part before the first '/' is a registry if it contains a
// '.', a ':' or an upper-case letter, or is "localhost". Otherwise the registry is docker.io, and a path of
// one component is below library/. A name without a tag gets `implied_tag`. Returns nullopt if there is no
// tag, or if a part is empty.
std::optional<std::string> full_image_name(std::string_view name, std::string_view implied_tag = {});

}  // namespace layoutfs
