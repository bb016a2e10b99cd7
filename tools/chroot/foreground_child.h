// A child process that stands for this one: signals go on to it, and its end is ours.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace layoutfs::tools {

// As long as one of these lives, the signals that people and service managers send to programs are blocked;
// await() hands them on. Single-threaded programs only.
class ForwardedSignals {
 public:
  ForwardedSignals();
  ForwardedSignals(const ForwardedSignals&) = delete;
  ForwardedSignals& operator=(const ForwardedSignals&) = delete;
  ~ForwardedSignals() { restore(); }

  // In a child, before it executes something else: signals are as they were.
  void restore() const;
  // Until `child` ends: its exit code, or 128 and the number of the signal that ended it. Hands signals on to
  // it, but for those of the terminal, which reach it without that. Whatever other child has ended is
  // reaped.
  int await(pid_t child) const;

 private:
  sigset_t signals_;
  sigset_t mask_before_;
};

// Waits ten seconds for a child that should end by itself; then kills it. SIGCHLD is blocked.
void await_end(pid_t child);

// Remembers whether this process's group is the foreground of the terminal on stdin, and sees to that at the
// end: a shell that was run in between leaves a group that is gone.
class TerminalForeground {
 public:
  TerminalForeground();
  TerminalForeground(const TerminalForeground&) = delete;
  TerminalForeground& operator=(const TerminalForeground&) = delete;
  ~TerminalForeground();

 private:
  const bool is_ours_;
};

}  // namespace layoutfs::tools
