// What root is worth here, and which numbers of users and groups there are (user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <istream>
#include <optional>
#include <utility>
#include <vector>

namespace layoutfs {

// How many users the user namespace of this process knows; 0 where the kernel does not say.
std::uint64_t known_users();

// Whether it is the one that the system began with: others know fewer users than there are numbers, and their
// root has no more rights outside than the user who made them.
bool is_first_user_namespace();
// The same of another process or thread. Returns nothing if the kernel does not say.
std::optional<bool> is_in_first_user_namespace(pid_t process);

// The numbers of users, or of groups, that a user namespace knows.
class KnownIds {
 public:
  // All that there can be.
  KnownIds() : ranges_{{0, kNone}} {}
  static KnownIds only(std::uint32_t id) { return KnownIds({{id, 1}}); }
  // Of this process's namespace; all if the kernel does not say.
  static KnownIds of_users();
  static KnownIds of_groups();
  // Takes the lines of /proc/PID/uid_map or gid_map; all if there are none.
  static KnownIds parse(std::istream& map);

  bool has(std::uint32_t id) const noexcept;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;  // no user and no group has this number
  struct Range {
    std::uint64_t first, count;
  };
  explicit KnownIds(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}
  std::vector<Range> ranges_;
};

}  // namespace layoutfs
