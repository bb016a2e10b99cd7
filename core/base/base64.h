// Base64 (RFC 4648, section 4): arbitrary bytes as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"

namespace layoutfs {

// Returns the encoding with padding, in one line.
std::string base64(ByteView bytes);

// Returns the bytes; nullopt if `text` is malformed. Ignores line ends, which some programs insert; requires
// the padding.
std::optional<Bytes> base64_bytes(std::string_view text);

}  // namespace layoutfs
