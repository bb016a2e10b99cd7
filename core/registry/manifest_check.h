// Checks a manifest before a registry accepts it.
#pragma once

#include <functional>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether a blob exists.
using HasBlob = std::function<Result<bool>(const Digest& digest)>;

// Checks the structure of a manifest or an index of OCI or Docker, and that everything it refers to exists,
// except subjects, and layers and configs with URLs. If the document's own media type is one of these, it
// takes precedence over `media_type`. Documents of other media types are not checked.
// RegistryCode::manifest_invalid, with the member, if it is invalid.
Status check_manifest(ByteView document, std::string_view media_type, const HasBlob& has_blob);

}  // namespace layoutfs
