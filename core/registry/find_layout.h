// Where in a path the layout ends and the reference begins.
#pragma once

#include <string>
#include <string_view>

#include "core/oci/repository_names.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct FoundLayout {
  std::string base;  // the layout's directory, as it stands in the path
  RegistryReference reference;
};

// `BASE/REPOSITORY[:TAG][@DIGEST]`, or the reference alone for a layout in the working directory: of all
// places where BASE can end, the deepest one with an `oci-layout` file; where none has one, the last.
// Nothing in the path is cleaned or resolved. Errc::invalid_argument for an empty path and where what follows
// is no reference; Errc::digest_invalid if its digest is malformed; Errc::io where something on the way may
// not be looked at.
Result<FoundLayout> find_layout(std::string_view path);

}  // namespace layoutfs
