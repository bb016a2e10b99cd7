#include "tools/cli/byte_range.h"

#include <algorithm>
#include <utility>

#include "tools/cli/store.h"

namespace layoutfs::tools {

Result<ByteRange> parse_byte_range(const std::string& text) {
  const auto dash = text.find('-');
  const auto error =
      fail(Errc::invalid_argument, "--range " + text + ": expected FIRST-LAST, FIRST- or -LENGTH, in bytes");
  if (dash == std::string::npos || text.size() == 1) return error;
  ByteRange range;
  for (const auto& [part, value] :
       {std::pair(text.substr(0, dash), &range.first), {text.substr(dash + 1), &range.last}}) {
    if (part.empty()) continue;
    const auto number = parse_count("--range", part);
    if (!number) return error;
    *value = *number;
  }
  if (range.first && range.last && *range.last < *range.first) return error;
  return range;
}

Result<BytePart> part_of(const ByteRange& range, const std::string& text, std::uint64_t size) {
  const BytePart part = range.first
                            ? BytePart{*range.first, range.last ? std::min(*range.last + 1, size) : size}
                            : BytePart{size - std::min(range.last.value_or(0), size), size};
  if (part.begin < part.end) return part;
  return fail(Errc::invalid_argument,
              "--range " + text + ": outside of the blob, which has " + count_of(size, "byte"));
}

}  // namespace layoutfs::tools
