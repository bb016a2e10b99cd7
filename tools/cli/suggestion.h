// Suggestions for words of other tools.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace layoutfs::tools {

// Returns the word of `known` that means the same as `word` in other tools ("copy" for "cp"), or an empty
// string.
std::string synonym_of(std::string_view word, std::span<const std::string> known);

}  // namespace layoutfs::tools
