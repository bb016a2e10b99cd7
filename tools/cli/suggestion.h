// Suggestions for misspelled words, and for words of other tools.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace layoutfs::tools {

// Returns the nearest of `known`, or an empty string if none is near. A word is near if `word` is its prefix
// or abbreviation ("mnt" for "mount"), or differs in at most one letter of three or in the order of two
// letters. Cost: the product of the lengths; only 64 letters of `word` count.
std::string nearest_word(std::string_view word, std::span<const std::string> known);

// Returns the word of `known` that means the same as `word` in other tools ("copy" for "cp"), or an empty
// string.
std::string synonym_of(std::string_view word, std::span<const std::string> known);

}  // namespace layoutfs::tools
