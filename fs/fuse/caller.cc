#include "fs/fuse/caller.h"

#include <linux/capability.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "core/base/user_namespace.h"

namespace layoutfs {
namespace {

// From proc(5), /proc/PID/status.
struct Rights {
  std::optional<uid_t> user;  // the filesystem UID
  std::uint64_t capabilities = 0;
};

Rights rights_of(pid_t thread) {
  Rights rights;
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (uid_t real = 0, effective = 0, saved = 0, user = 0;
        name == "Uid:" && fields >> real >> effective >> saved >> user)
      rights.user = user;
    if (name == "CapEff:") fields >> std::hex >> rights.capabilities;
  }
  return rights;
}

}  // namespace

bool may_read_trusted(uid_t user, pid_t thread) {
  if (thread == 0) return user == 0;
  const Rights rights = rights_of(thread);
  if (!rights.user) return user == 0;
  // overlayfs uses the rights of its mounter, and then shows only the attributes that the process itself may
  // see.
  if (user == 0 && *rights.user != 0) return true;
  constexpr std::uint64_t kAdministrator = std::uint64_t{1} << CAP_SYS_ADMIN;
  return (rights.capabilities & kAdministrator) != 0 && is_in_first_user_namespace(thread).value_or(false);
}

}  // namespace layoutfs
