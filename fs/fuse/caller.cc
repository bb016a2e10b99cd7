#include "fs/fuse/caller.h"

#include <linux/capability.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
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

// The system calls that list attributes: those of this machine; listxattrat(2), which has one number
// everywhere; and the three of 32-bit programs, whose numbers belong to calls that change no file elsewhere.
bool lists_attributes(long system_call) {
  constexpr std::array<long, 7> kLists{SYS_listxattr, SYS_llistxattr, SYS_flistxattr, 465, 232, 233, 234};
  constexpr long kX32 = 0x40000000;
  return std::ranges::find(kLists, system_call & ~kX32) != kLists.end();
}

// Returns whether the thread waits in a system call that does not list attributes (proc(5), syscall). The
// list is then for the kernel itself: overlayfs copies a file that the thread changes, with all its
// attributes, and with the rights of the process that has mounted it.
bool is_served_by_overlayfs(pid_t thread) {
  constexpr int kAttempts = 200;
  constexpr timespec kPause{0, 50'000};
  for (int i = 0; i < kAttempts; ++i) {
    std::ifstream file("/proc/" + std::to_string(thread) + "/syscall");
    if (long system_call = 0; file >> system_call) return system_call >= 0 && !lists_attributes(system_call);
    // "running": it has sent the request, and is not yet asleep. Otherwise it has ended.
    file.clear();
    if (std::string word; !(file >> word) || word != "running") return false;
    ::nanosleep(&kPause, nullptr);
  }
  return false;
}

}  // namespace

bool may_read_trusted(uid_t user, pid_t thread) {
  if (thread == 0) return user == 0;
  const Rights rights = rights_of(thread);
  if (!rights.user) return user == 0;
  // overlayfs uses the rights of its mounter, and then shows only the attributes that the process itself may
  // see.
  if (user == 0 && *rights.user != 0) return true;
  if (user == kUnknownUser && *rights.user != 0 && is_served_by_overlayfs(thread)) return true;
  constexpr std::uint64_t kAdministrator = std::uint64_t{1} << CAP_SYS_ADMIN;
  return (rights.capabilities & kAdministrator) != 0 && is_in_first_user_namespace(thread).value_or(false);
}

}  // namespace layoutfs
