// Base64 (RFC 4648, section 4): bytes of any kind as text.
#pragma once

#include <string>

#include "layoutfs/bytes.h"

namespace layoutfs {

// With padding, in one line.
std::string base64(ByteView bytes);

}  // namespace layoutfs
