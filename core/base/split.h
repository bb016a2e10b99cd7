// Splits text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layoutfs {

// Returns the parts between the separators, including empty ones: one more than there are separators.
inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace layoutfs
