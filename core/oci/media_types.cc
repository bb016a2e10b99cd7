#include "core/oci/media_types.h"

#include <algorithm>

namespace layoutfs {
namespace {

// ASCII alone: the grammar of media types has no other letters.
char lower_ascii(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view without_parameters(std::string_view media_type) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  media_type = media_type.substr(0, media_type.find(';'));
  const auto first = media_type.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return media_type.substr(first, media_type.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::string essence_of(std::string_view media_type) {
  std::string essence(without_parameters(media_type));
  std::ranges::transform(essence, essence.begin(), lower_ascii);
  return essence;
}

bool is_media_type(std::string_view media_type, std::string_view known) noexcept {
  return std::ranges::equal(without_parameters(media_type), known, {}, lower_ascii);
}

}  // namespace layoutfs
