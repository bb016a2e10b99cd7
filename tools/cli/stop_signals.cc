// A thread that waits for the signals.
#include "tools/cli/stop_signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "tools/cli/command.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

// Returns those of the signals that would end the program.
sigset_t stopping_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action{};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset(&signals, number);
  }
  return signals;
}

}  // namespace

StopSignals::StopSignals()
    : signals_(stopping_signals()), arrived_(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK)) {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &pipe_before_);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_before_);
  // If descriptors are missing, the signals keep their default action.
  if (!arrived_ || !requested_ || !over_) return;
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  try {
    watcher_ = std::thread([this] { watch(); });
  } catch (const std::system_error&) {
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }
}

StopSignals::~StopSignals() {
  if (watcher_.joinable()) {
    over_.raise();
    watcher_.join();
  }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  ::sigaction(SIGPIPE, &pipe_before_, nullptr);
}

void StopSignals::watch() {
  std::array<pollfd, 2> waited{{{over_.fd(), POLLIN, 0}, {arrived_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    if (waited[0].revents != 0) return;
    signalfd_siginfo signal{};
    if (::read(arrived_.get(), &signal, sizeof signal) != sizeof signal) continue;
    signal_ = static_cast<int>(signal.ssi_signo);
    source_.request_stop();
    requested_.raise();
    // The next signal goes to this thread, with its default action.
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    waited[1].fd = -1;
  }
}

bool StopSignals::was_stopped_by_signal(const Error& error) const {
  return error.code() == Errc::cancelled && signal_ != 0;
}

int StopSignals::report_as(int code, const Error& error, const Frame& frame) const {
  const bool was_stopped = was_stopped_by_signal(error);
  print_error(std::string(frame.before) +
              (was_stopped ? std::string("stopped by SIG") + ::sigabbrev_np(signal_) : message_of(error)) +
              std::string(frame.after));
  if (!was_stopped) print_hint(error);
  return was_stopped ? 128 + signal_ : code;
}

int StopSignals::report_write(const Error& error, const Frame& frame) const {
  return report_as(write_exit_code_of(error), error, frame);
}

int StopSignals::report(const Error& error, const Frame& frame) const {
  return report_as(exit_code_of(error), error, frame);
}

}  // namespace layoutfs::tools
