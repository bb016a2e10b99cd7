// Lists in messages.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace layoutfs {

// Returns "a, b, c and 7 more": at most `limit` items, each cut at 200 bytes because an item may be as long
// as a document.
std::string list_of(const std::vector<std::string>& items, std::size_t limit = 10);

}  // namespace layoutfs
