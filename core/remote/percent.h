// Percent-encoding (RFC 3986, section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace layoutfs {

// Returns `text` for a component of a query or a form: everything except unreserved characters is encoded.
std::string percent_encoded(std::string_view text);

}  // namespace layoutfs
