// Names of images as people write them to docker: `redis` is `docker.io/library/redis:latest`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layoutfs {

// `name` with its registry, its path and its tag in full. The part in front of the first '/' is a registry if
// it has a '.', a ':' or an upper-case letter, or is "localhost"; without one it is docker.io, where a path
// of one component is below library/. A name without a tag gets `implied_tag`. Returns nothing if there is
// neither, and for a name with an empty part.
std::optional<std::string> full_image_name(std::string_view name, std::string_view implied_tag = {});

}  // namespace layoutfs
