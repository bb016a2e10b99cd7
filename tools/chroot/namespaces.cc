#include "tools/chroot/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "core/base/file.h"
#include "layoutfs/bytes.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> no_namespaces(const std::string& why) {
  return fail(Errc::mount_failed, "cannot create namespaces: " + why);
}

Status write_file(const std::string& path, const std::string& content) {
  auto file = open_at(AT_FDCWD, path, O_WRONLY);
  if (!file) return fail(std::move(file).error());
  return write_all(file->get(), as_bytes(content), path);
}

// user_namespaces(7): an ordinary user may map only its own IDs, and must first give up setgroups(2).
Status map_own_ids(uid_t uid, gid_t gid) {
  for (const auto& [file, content] : {std::pair<std::string, std::string>("setgroups", "deny"),
                                      {"uid_map", "0 " + std::to_string(uid) + " 1"},
                                      {"gid_map", "0 " + std::to_string(gid) + " 1"}})
    if (auto written = write_file("/proc/self/" + file, content); !written)
      return no_namespaces(written.error().message());
  return {};
}

}  // namespace

Status enter_namespaces() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWPID | (uid == 0 ? 0 : CLONE_NEWUSER)) == 0)
    return uid == 0 ? Status() : map_own_ids(uid, gid);
  const int why = errno;
  return no_namespaces(Error::system(why, "unshare").message() +
                       (why == EPERM    ? "; this needs root, or a system with unprivileged user namespaces"
                        : why == ENOSPC ? "; see the limits in /proc/sys/user"
                                        : ""));
}

}  // namespace layoutfs::tools
