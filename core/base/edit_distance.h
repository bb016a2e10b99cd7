// The distance of a word from a known one, for suggestions.
#pragma once

#include <cstddef>
#include <string_view>

namespace layoutfs {

// Returns the Levenshtein distance: the number of letters to change, insert or delete. Cost: the product of
// the lengths, so callers must limit the length of external words.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace layoutfs
