#include "tools/chroot/foreground_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/base/file.h"

namespace layoutfs::tools {
namespace {

constexpr std::array kForwarded{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

constexpr int kPatience = 10;  // seconds

}  // namespace

ForwardedSignals::ForwardedSignals() {
  // If the parent made the program ignore SIGCHLD, children would vanish instead of waiting for waitpid(2).
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &by_default, nullptr);
  ::sigemptyset(&signals_);
  for (const int number : kForwarded) ::sigaddset(&signals_, number);
  ::sigaddset(&signals_, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &signals_, &mask_before_);
}

void ForwardedSignals::restore() const { ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr); }

int ForwardedSignals::await(pid_t child) const {
  for (;;) {
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
      if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    siginfo_t signal{};
    const int number = ::sigwaitinfo(&signals_, &signal);
    if (number > 0 && number != SIGCHLD && signal.si_code != SI_KERNEL) ::kill(child, number);
  }
}

void await_end(pid_t child) {
  sigset_t child_ended;
  ::sigemptyset(&child_ended);
  ::sigaddset(&child_ended, SIGCHLD);
  constexpr timespec kSecond{.tv_sec = 1, .tv_nsec = 0};
  for (int second = 0; second < kPatience; ++second) {
    if (::waitpid(child, nullptr, WNOHANG) != 0) return;
    ::sigtimedwait(&child_ended, nullptr, &kSecond);
  }
  ::kill(child, SIGKILL);
  retried([&] { return ::waitpid(child, nullptr, 0); });
}

TerminalForeground::TerminalForeground() : is_ours_(::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {}

TerminalForeground::~TerminalForeground() {
  if (!is_ours_) return;
  // tcsetpgrp(3) from a background process raises this signal.
  sigset_t background_output, before;
  ::sigemptyset(&background_output);
  ::sigaddset(&background_output, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &background_output, &before);
  ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace layoutfs::tools
