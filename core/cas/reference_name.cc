#include "core/cas/reference_name.h"

#include <algorithm>

namespace layoutfs {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_reference_name(std::string_view name) noexcept {
  constexpr std::string_view kSeparators = "-._:@+/";
  if (name.empty() || !is_alphanumeric(name.front()) || !is_alphanumeric(name.back())) return false;
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (is_alphanumeric(name[i])) continue;
    if (kSeparators.find(name[i]) == std::string_view::npos) return false;
    // "--" is the only separator of two characters; a third one is invalid.
    if (name.substr(i, 2) == "--") ++i;
    if (!is_alphanumeric(name[i + 1])) return false;
  }
  return true;
}

bool is_reference_file_name(std::string_view name) noexcept {
  constexpr std::size_t kMaxSize = 255;
  if (name.empty() || name.size() > kMaxSize || name == "." || name == "..") return false;
  return std::ranges::all_of(name,
                             [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace layoutfs
