// The rights of an unprivileged user.
#pragma once

#include <unistd.h>

namespace layoutfs::testing {

// For a scope, the process is a user without any files. Needs root.
class AsNobody {
 public:
  AsNobody() : is_nobody_(::geteuid() == 0 && ::seteuid(kNobody) == 0) {}
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;
  ~AsNobody() {
    if (is_nobody_ && ::seteuid(0) != 0) ::_exit(1);
  }

 private:
  static constexpr uid_t kNobody = 65534;
  bool is_nobody_;
};

}  // namespace layoutfs::testing
