// The differences of two texts in the unified format of POSIX diff(1), as patch(1) applies it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace layoutfs {

// Larger files are compared as a whole, so that the memory of a comparison is bounded to about 100 MB.
inline constexpr std::size_t kMaxTextSize = std::size_t{8} << 20;
inline constexpr std::size_t kMaxTextLines = std::size_t{1} << 20;

// Returns whether `content` is a text that can be compared by lines: no NUL, within the limits above.
bool is_comparable_text(std::string_view content);

struct UnifiedOptions {
  std::size_t context = 3;  // unchanged lines around a change
  // The number of steps of the search, each about one comparison of two lines. Beyond it, the rest of the
  // search takes all lines as changed: the result is right, but longer than necessary.
  std::uint64_t steps = std::uint64_t{1} << 27;
};

// Returns the hunks, each with its line "@@ -1,3 +1,4 @@", without the names of the files; empty if the texts
// are equal. The last line of a text without a line break is marked as by diff(1). Preconditions: both are
// is_comparable_text(). Cost: `steps`, and sorting the lines.
std::string unified_hunks(std::string_view before, std::string_view after,
                          const UnifiedOptions& options = {});

}  // namespace layoutfs
