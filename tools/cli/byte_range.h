// The value of --range: a part of a blob.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// As in HTTP's Range (RFC 9110, 14.1.2): both ends are inclusive.
struct ByteRange {
  std::optional<std::uint64_t> first, last;  // without `first`, `last` is the length of the part at the end
};

struct BytePart {
  std::uint64_t begin, end;  // `end` is exclusive
};

// Parses "FIRST-LAST", "FIRST-" or "-LENGTH", in bytes. Errc::invalid_argument, naming --range.
Result<ByteRange> parse_byte_range(const std::string& text);

// Returns the part of a blob of `size` bytes. `text` is the range, for the error. Errc::invalid_argument if
// the range is outside the blob.
Result<BytePart> part_of(const ByteRange& range, const std::string& text, std::uint64_t size);

}  // namespace layoutfs::tools
