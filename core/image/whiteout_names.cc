#include "core/image/whiteout_names.h"

#include <algorithm>

namespace layoutfs {
namespace {

constexpr std::size_t kMaxName = 255;  // NAME_MAX

}  // namespace

bool has_whiteout_name(std::string_view path) {
  for (std::size_t at = path.find(kWhiteout); at != std::string_view::npos; at = path.find(kWhiteout, at + 1))
    if (at == 0 || path[at - 1] == '/') return true;
  return false;
}

bool has_long_name(std::string_view path) {
  while (path.size() > kMaxName) {
    const auto slash = std::min(path.find('/'), path.size());
    const std::size_t limit = kMaxName + (path.starts_with(kWhiteout) ? kWhiteout.size() : 0);
    if (slash > limit) return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

std::optional<std::uint32_t> WhiteoutEntries::find(std::string_view path, std::uint32_t before) {
  for (; seen_ < before; ++seen_)
    if (const auto entry = entries_.entry(seen_); has_whiteout_name(entry.path))
      numbers_.insert_or_assign(entry.path, seen_);
  const auto found = numbers_.find(path);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace layoutfs
