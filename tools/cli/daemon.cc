#include "tools/cli/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>

#include "layoutfs/log.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {
namespace {

// Lets signals end the parent again: it has nothing to clean up.
void release_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// Waits in the parent. Leaves by _exit, because destructors would remove the mount, which belongs to the
// child.
[[noreturn]] void wait_for_child(pid_t child, int pipe) {
  char byte;
  ssize_t got;
  do got = ::read(pipe, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1) ::_exit(kDone);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  ::_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kMountFailed);
}

}  // namespace

Result<Daemon> Daemon::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "pipe"));
  UniqueFd from_child(ends[0]);
  UniqueFd to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(Error::system(errno, "fork"));
  if (child > 0) {
    to_parent.reset();
    release_signals();
    wait_for_child(child, from_child.get());
  }
  return Daemon(std::move(to_parent));
}

void Daemon::ready() {
  // Not earlier: a signal of the terminal also ends the child until it is ready.
  ::setsid();
  log_to_syslog();
  std::ignore = ::chdir("/");
  if (const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC)); null)
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), standard);
  std::ignore = ::write(parent_.get(), "", 1);
  parent_.reset();
}

}  // namespace layoutfs::tools
