// The header fields of HTTP that describe partial bodies (RFC 9110, sections 8.3 and 14.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether two ASCII texts are equal, ignoring case.
bool is_same_token(std::string_view a, std::string_view b) noexcept;

// The parts of a Content-Type that matter for multipart bodies.
struct ContentType {
  std::string type;                     // "multipart/byteranges", in lower case
  std::optional<std::string> boundary;  // the parameter of that name

  // Errc::corrupt if it is malformed. Accepts ':' in an unquoted boundary, although it is not a token
  // character, because CloudFront sends it.
  static Result<ContentType> parse(std::string_view text);
};

// A Content-Range of bytes.
struct ContentRange {
  std::uint64_t first = 0, last = 0;  // first <= last <= 2^63 - 2
  std::optional<std::uint64_t> size;  // of the whole blob, larger than `last`; nullopt for "*"

  // Errc::corrupt if it is malformed, or if it states an unsatisfied range ("bytes */100").
  static Result<ContentRange> parse(std::string_view text);
};

}  // namespace layoutfs
