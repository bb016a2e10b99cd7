// What a server of the OCI distribution specification answers for an error ("Error Codes").
#pragma once

#include <string_view>

#include "core/base/error.h"

namespace layoutfs {

// "BLOB_UNKNOWN" and so on; "UNKNOWN" for what the specification has no code for.
std::string_view wire_code(Errc code) noexcept;
// 404, 400, ...; 500 for what the specification has no code for.
int http_status(Errc code) noexcept;

}  // namespace layoutfs
