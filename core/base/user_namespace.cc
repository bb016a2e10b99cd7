#include "core/base/user_namespace.h"

#include <fstream>
#include <limits>

namespace layoutfs {

std::uint64_t known_users() {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t users = 0;
  for (std::uint64_t inside, outside, count; map >> inside >> outside >> count;) users += count;
  return users;
}

bool is_first_user_namespace() {
  const std::uint64_t users = known_users();
  return users == 0 || users == std::numeric_limits<std::uint32_t>::max();
}

}  // namespace layoutfs
