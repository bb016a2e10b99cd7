#include "fs/mount_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <tuple>

#include "core/base/bytes.h"
#include "core/base/json.h"
#include "fs/statistics.h"

namespace layoutfs {
namespace {

constexpr int kPatienceMs = 1000;

// Of getxattr(2), written in one piece.
[[noreturn]] void answer_into(int pipe, const std::string& mount_point) {
  std::array<char, 4096> value{};
  const ssize_t size =
      ::getxattr(mount_point.c_str(), std::string(kStatisticsXattr).c_str(), value.data(), value.size());
  if (size > 0) std::ignore = ::write(pipe, value.data(), static_cast<std::size_t>(size));
  ::_exit(0);
}

// By a process of its own, as nobody knows whether the mount answers. Empty where it does not.
std::string ask(const std::string& mount_point) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  const UniqueFd answer(ends[0]);
  UniqueFd asked(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return {};
  if (child == 0) answer_into(asked.get(), mount_point);
  asked.reset();
  pollfd waited{answer.get(), POLLIN, 0};
  if (retried([&] { return ::poll(&waited, 1, kPatienceMs); }) <= 0) {
    ::kill(child, SIGKILL);
    // What waits for a mount may not end at once, and keeps it busy until then.
    if (retried([&] { return ::poll(&waited, 1, kPatienceMs); }) <= 0) return {};
  }
  std::array<char, 4096> value{};
  const ssize_t size = retried([&] { return ::read(answer.get(), value.data(), value.size()); });
  retried([&] { return ::waitpid(child, nullptr, 0); });
  return size > 0 ? std::string(value.data(), static_cast<std::size_t>(size)) : "";
}

}  // namespace

std::uint64_t pid_namespace() {
  struct stat found;
  return ::stat("/proc/self/ns/pid", &found) == 0 ? found.st_ino : 0;
}

std::optional<MountServer> MountServer::of(const std::string& mount_point) {
  const auto document = JsonDocument::parse(as_bytes(ask(mount_point)));
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
