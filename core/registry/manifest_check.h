// What a manifest must be like before a registry takes it.
#pragma once

#include <functional>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Whether a blob is there.
using HasBlob = std::function<Result<bool>(const Digest& digest)>;

// The structure of a manifest or an index, OCI's or Docker's, and that all it names is there, but for
// subjects and for layers and configs with URLs. Between those kinds the document's own media type decides,
// not `media_type`; of every other media type, anything goes. RegistryCode::manifest_invalid, naming the
// member.
Status check_manifest(ByteView document, std::string_view media_type, const HasBlob& has_blob);

}  // namespace layoutfs
