// The header fields of HTTP that describe partial bodies (RFC 9110, sections 8.3 and 14.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layoutfs/error.h"

namespace layoutfs {

// Whether two texts are the same in ASCII, in whatever case.
bool is_same_token(std::string_view a, std::string_view b) noexcept;

// A Content-Type, as far as it is about parts.
struct ContentType {
  std::string type;                     // "multipart/byteranges", in lower case
  std::optional<std::string> boundary;  // the parameter of that name

  // Errc::corrupt. Of a boundary that is not quoted, a ':' is taken too, which is none of a token's
  // characters: CloudFront sends that.
  static Result<ContentType> parse(std::string_view text);
};

// A Content-Range of bytes.
struct ContentRange {
  std::uint64_t first = 0, last = 0;  // first <= last <= 2^63 - 2
  std::optional<std::uint64_t> size;  // of the whole, more than `last`; nothing for "*"

  // Errc::corrupt, also for a range that could not be satisfied ("bytes */100").
  static Result<ContentRange> parse(std::string_view text);
};

}  // namespace layoutfs
