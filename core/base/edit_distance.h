// How far a word is from what may have been meant.
#pragma once

#include <cstddef>
#include <string_view>

namespace layoutfs {

// Levenshtein's: how many letters to change, add or leave out. Takes the product of the lengths: whoever
// compares words from outside bounds them.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace layoutfs
