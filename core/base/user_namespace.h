// User namespaces (user_namespaces(7)): the privileges of root, and the valid user and group IDs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <istream>
#include <optional>
#include <utility>
#include <vector>

namespace layoutfs {

// Returns the number of user IDs in the namespace of this process; 0 if the kernel does not tell.
std::uint64_t known_users();

// Returns whether it is the initial namespace. Other namespaces have fewer IDs, and their root has no more
// rights outside than its creator.
bool is_first_user_namespace();
// The same for another process or thread. Returns nullopt if the kernel does not tell.
std::optional<bool> is_in_first_user_namespace(pid_t process);

// The user or group IDs of a user namespace.
class KnownIds {
 public:
  // All IDs.
  KnownIds() : ranges_{{0, kNone}} {}
  static KnownIds only(std::uint32_t id) { return KnownIds({{id, 1}}); }
  // Returns the IDs of this process's namespace; all if the kernel does not tell.
  static KnownIds of_users();
  static KnownIds of_groups();
  // Parses /proc/PID/uid_map or gid_map. Returns all IDs if it is empty.
  static KnownIds parse(std::istream& map);

  bool has(std::uint32_t id) const noexcept;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;  // not a valid user or group ID
  struct Range {
    std::uint64_t first, count;
  };
  explicit KnownIds(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}
  std::vector<Range> ranges_;
};

}  // namespace layoutfs
