// The header fields of HTTP: their grammar (RFC 9110, sections 5.5 and 5.6), and those that describe partial
// bodies (sections 8.3 and 14.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether two ASCII texts are equal, ignoring case.
bool is_same_token(std::string_view a, std::string_view b) noexcept;

// Returns whether it is a token (section 5.6.2), as the names of fields are.
bool is_token(std::string_view text) noexcept;
// Returns whether it can be the value of a field: it has no control characters except tabs (section 5.5).
bool is_field_value(std::string_view text) noexcept;
// Returns the number that `text` is in decimal digits, as in Content-Length; nullopt if it is something else.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

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
