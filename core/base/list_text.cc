#include "core/base/list_text.h"

#include <algorithm>

namespace layoutfs {

std::string list_of(const std::vector<std::string>& items, std::size_t limit) {
  constexpr std::size_t kMaxLength = 200;
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), limit); ++i)
    text += (i == 0 ? "" : ", ") + items[i].substr(0, kMaxLength);
  if (items.size() > limit) text += " and " + std::to_string(items.size() - limit) + " more";
  return text;
}

}  // namespace layoutfs
