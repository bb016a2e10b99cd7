// The known word that a misspelled one was meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace layoutfs::tools {

// Returns the nearest of `known`, or an empty string if none is near. Near are words that `word` begins or
// abbreviates ("mnt" for "mount"), and those that differ in at most one letter of three, or in the order of
// two letters. Cost: the product of the lengths, of which `word` counts up to 64.
std::string nearest_word(std::string_view word, std::span<const std::string> known);

// Returns the word of `known` that means what `word` means in other tools ("copy" for "cp"), or an empty
// string.
std::string synonym_of(std::string_view word, std::span<const std::string> known);

}  // namespace layoutfs::tools
