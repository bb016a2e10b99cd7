// Manifests that a copy brings although its source does not have them.
#pragma once

#include <map>

#include "core/base/bytes.h"
#include "core/base/digest.h"

namespace layoutfs {

using ExtraDocuments = std::map<Digest, Bytes>;

}  // namespace layoutfs
