#include "core/base/user_namespace.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

namespace layoutfs {
namespace {

std::uint64_t count_users(const std::string& file) {
  std::ifstream map(file);
  std::uint64_t users = 0;
  for (std::uint64_t inside, outside, count; map >> inside >> outside >> count;) users += count;
  return users;
}

bool are_all(std::uint64_t users) { return users == std::numeric_limits<std::uint32_t>::max(); }

}  // namespace

std::uint64_t known_users() { return count_users("/proc/self/uid_map"); }

bool is_first_user_namespace() {
  const std::uint64_t users = known_users();
  return users == 0 || are_all(users);
}

std::optional<bool> is_in_first_user_namespace(pid_t process) {
  const std::uint64_t users = count_users("/proc/" + std::to_string(process) + "/uid_map");
  if (users == 0) return std::nullopt;
  return are_all(users);
}

KnownIds KnownIds::parse(std::istream& map) {
  std::vector<Range> ranges;
  for (std::uint64_t inside, outside, count; map >> inside >> outside >> count;)
    ranges.push_back({inside, count});
  return ranges.empty() ? KnownIds() : KnownIds(std::move(ranges));
}

KnownIds KnownIds::of_users() {
  std::ifstream map("/proc/self/uid_map");
  return parse(map);
}

KnownIds KnownIds::of_groups() {
  std::ifstream map("/proc/self/gid_map");
  return parse(map);
}

bool KnownIds::has(std::uint32_t id) const noexcept {
  return id != kNone && std::ranges::any_of(ranges_, [id](const Range& range) {
           return id >= range.first && id - range.first < range.count;
         });
}

}  // namespace layoutfs
