// What --range takes: a part of a blob.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "layoutfs/error.h"

namespace layoutfs::tools {

// As in HTTP's Range (RFC 9110, 14.1.2): both ends are inside.
struct ByteRange {
  std::optional<std::uint64_t> first, last;  // without the first, the last is how many from the end
};

struct BytePart {
  std::uint64_t begin, end;  // the byte behind the last one
};

// "FIRST-LAST", "FIRST-" or "-LENGTH". Errc::invalid_argument, naming --range.
Result<ByteRange> parse_byte_range(const std::string& text);

// The part of `size` bytes that `text` means. Errc::invalid_argument if the range has no byte of these.
Result<BytePart> part_of(const ByteRange& range, const std::string& text, std::uint64_t size);

}  // namespace layoutfs::tools
