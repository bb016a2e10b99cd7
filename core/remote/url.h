// URLs of HTTP (RFC 3986; RFC 9110, section 4.2).
#pragma once

#include <string>

#include "layoutfs/error.h"

namespace layoutfs {

// The parts of an absolute URL that decide which server gets a request.
struct UrlOrigin {
  std::string scheme;  // "http" or "https"
  std::string host;  // in lower case; with the port if it is not the scheme's own: "localhost:5000", "[::1]"

  // Errc::invalid_argument if `url` is malformed or has another scheme.
  static Result<UrlOrigin> of(const std::string& url);
  friend bool operator==(const UrlOrigin&, const UrlOrigin&) = default;
};

// Returns the absolute URL of `reference`, e.g. a Location, in a response of `base`. Drops fragments.
// Errc::invalid_argument if one is malformed, or if the result has another scheme than http and https.
Result<std::string> resolve_url(const std::string& base, const std::string& reference);

}  // namespace layoutfs
