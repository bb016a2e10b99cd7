// Splits a path into a layout and a reference.
#pragma once

#include <string>
#include <string_view>

#include "core/oci/repository_names.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct FoundLayout {
  std::string base;  // the layout's directory, as in the path
  RegistryReference reference;
};

// Splits `BASE/REPOSITORY[:TAG][@DIGEST]`, or a reference alone for a layout in the working directory. BASE
// is the longest prefix with an `oci-layout` file; if no prefix has one, the longest. The path is not
// normalized or resolved. Errc::invalid_argument if the path is empty, or if the rest is not a reference.
// Errc::digest_invalid if its digest is malformed. Errc::io if a directory is not accessible.
Result<FoundLayout> find_layout(std::string_view path);

}  // namespace layoutfs
