// Manifests that a copy adds although its source does not have them.
#pragma once

#include <map>

#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"

namespace layoutfs {

using ExtraDocuments = std::map<Digest, Bytes>;

}  // namespace layoutfs
