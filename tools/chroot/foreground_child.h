// A child process in place of this one: it receives this process's signals, and its end ends this process.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace layoutfs::tools {

// While this exists, the signals that users and service managers send to programs are blocked, and await()
// forwards them. For single-threaded programs only.
class ForwardedSignals {
 public:
  ForwardedSignals();
  ForwardedSignals(const ForwardedSignals&) = delete;
  ForwardedSignals& operator=(const ForwardedSignals&) = delete;
  ~ForwardedSignals() { restore(); }

  // Restores the signals in a child, before it executes a program.
  void restore() const;
  // Waits until `child` ends. Returns its exit code, or 128 plus the number of the signal that ended it.
  // Forwards signals, except those of the terminal, which the child receives directly. Reaps all other
  // children.
  int await(pid_t child) const;

 private:
  sigset_t signals_;
  sigset_t mask_before_;
};

// Waits ten seconds for the end of a child, then kills it. SIGCHLD must be blocked.
void await_end(pid_t child);

// Remembers whether this process's group is in the foreground of the terminal on stdin, and restores that at
// the end: a shell that ran meanwhile leaves a process group that no longer exists.
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
