#include "fs/fuse/mount_server.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cstdint>

#include <limits>

#include "core/base/json.h"
#include "fs/fuse/mount_table.h"
#include "fs/fuse/view_socket.h"
#include "fs/tree/statistics.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

AnswerApart ask_for_statistics(const std::string& mount_point) {
  if (const auto mount = find_mount(mount_point); mount && mount->view == View::kernel)
    return {.text = ask_view(mount->device).text};
  const std::string name(kStatisticsXattr);
  return ask_apart([&](std::span<char> answer) {
    const ssize_t size = ::getxattr(mount_point.c_str(), name.c_str(), answer.data(), answer.size());
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  });
}

std::optional<MountServer> MountServer::of(const AnswerApart& statistics) {
  const auto document = JsonDocument::parse(as_bytes(statistics.text));
  if (!document) return std::nullopt;
  const auto number = [&](std::string_view name) {
    const auto member = document->root().find(name);
    return member ? member->as_integer().value_or(0) : 0;
  };
  const std::int64_t pid = number("pid"), seen_from = number("pidNamespace");
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return std::nullopt;
  if (seen_from <= 0 || static_cast<std::uint64_t>(seen_from) != pid_namespace()) return std::nullopt;
  // glibc 2.36 declares pidfd_open without C linkage.
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
  if (!process) return std::nullopt;
  return MountServer(std::move(process));
}

void MountServer::await_end(std::chrono::milliseconds patience) const {
  pollfd ended{process_.get(), POLLIN, 0};
  retried([&] { return ::poll(&ended, 1, static_cast<int>(patience.count())); });
}

}  // namespace layoutfs
