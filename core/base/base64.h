// Base64 (RFC 4648, section 4): arbitrary bytes as text.
#pragma once

#include <string>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Returns the encoding with padding, in one line.
std::string base64(ByteView bytes);

}  // namespace layoutfs
