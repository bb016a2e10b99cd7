// Mounts, serves requests, and handles the signals that end it.
#include "fs/fuse/fuse_session.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <optional>
#include <system_error>
#include <thread>

#include "core/base/event_fd.h"
#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/base/memory.h"
#include "fs/fuse/change_follower.h"
#include "fs/fuse/fuse_device.h"
#include "fs/fuse/fuse_operations.h"
#include "fs/fuse/fusermount.h"
#include "fs/fuse/mount_table.h"
#include "fs/fuse/protocol_extensions.h"
#include "fs/fuse/view_socket.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

// Grace period for reading files that are open at the first signal.
constexpr std::chrono::seconds kGrace{10};

// Time after the last request until memory is returned to the system.
constexpr std::chrono::seconds kQuiet{1};

// libfuse has one log function per process; its last line is the reason of a failed mount.
Guarded<std::string> last_message;

[[gnu::format(printf, 2, 0)]] void on_fuse_log(fuse_log_level level, const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string line(text);
  while (line.ends_with('\n')) line.pop_back();
  log(LogLevel::debug, line);
  if (level <= FUSE_LOG_ERR) *last_message.lock() = std::move(line);
}

// Escapes commas, which would end the option, and backslashes.
std::string escape_option(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

struct SessionDeleter {
  void operator()(fuse_session* session) const { fuse_session_destroy(session); }
};
using SessionPtr = std::unique_ptr<fuse_session, SessionDeleter>;

struct LoopConfigDeleter {
  void operator()(fuse_loop_config* config) const { fuse_loop_cfg_destroy(config); }
};

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::sigaddset(&set, signal);
  return set;
}

std::vector<std::string> session_arguments(const SessionOptions& options) {
  std::string list = "ro,default_permissions,subtype=layoutfs,fsname=" + escape_option(options.source);
  for (const std::string& option : options.kernel_options) list += "," + option;
  std::vector<std::string> arguments{"layoutfs", "-o", std::move(list)};
  if (options.debug) arguments.emplace_back("-d");
  return arguments;
}

Result<SessionPtr> make_session(const SessionOptions& options, FuseServer& server) {
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  bool is_complete = true;
  for (const std::string& argument : session_arguments(options))
    is_complete &= fuse_opt_add_arg(&arguments, argument.c_str()) == 0;
  SessionPtr session;
  if (is_complete)
    session.reset(fuse_session_new(&arguments, &fuse_operations(), sizeof(fuse_lowlevel_ops), &server));
  fuse_opt_free_args(&arguments);
  if (!session) return fail(Errc::mount_failed, "libfuse: " + *last_message.lock());
  return session;
}

// libfuse's message for this has neither the device nor the reason. For ordinary users, fusermount3 opens the
// device with more rights.
Status check_device() {
  if (::geteuid() != 0) return {};
  if (auto device = open_device(); !device) return fail(std::move(device).error());
  return {};
}

Status mount_session(fuse_session* session, const std::string& mount_point) {
  // For ordinary users, fusermount3 writes the reason.
  const CapturedOutput said;
  const bool is_mounted = [&] {
    std::optional<StderrTo> captured;
    if (!log_enabled(LogLevel::debug)) captured.emplace(said);  // would be mixed with libfuse's messages
    return fuse_session_mount(session, mount_point.c_str()) == 0;
  }();
  std::string why = said.text();
  if (is_mounted) {
    if (!why.empty()) log(LogLevel::warning, why);
    return {};
  }
  if (why.find("failed to exec fusermount3") != std::string::npos) why += " (install the package fuse3)";
  if (why.empty()) why = *last_message.lock();
  return fail(Errc::mount_failed, "cannot mount on " + mount_point + (why.empty() ? "" : ": " + why));
}

class SessionMemory final : public AnswerCache {
 public:
  explicit SessionMemory(fuse_session* session) : session_(session) {}
  // Both fail if the kernel has already dropped the entry.
  void invalidate_name(InodeNumber directory, std::string_view name) override {
    fuse_lowlevel_notify_inval_entry(session_, directory, name.data(), name.size());
  }
  void invalidate_attributes(InodeNumber node) override {
    constexpr off_t kNoContent = -1;
    fuse_lowlevel_notify_inval_inode(session_, node, kNoContent, 0);
  }

 private:
  fuse_session* const session_;
};

}  // namespace

struct FuseSession::State {
  SessionOptions options;
  FuseServer server;
  SessionPtr session;
  bool is_mounted = false;

  void watch(const std::stop_token& stop, const ChangeFollower& follower) noexcept;
  void attend(const ChangeFollower& follower, std::optional<int> signal);
  void on_signal(int signal, const ChangeFollower& follower);
  bool is_idle() const;
  void give_memory_back();
  bool is_view() const noexcept { return options.hidden_device >= 0; }
  Status show_view(const std::function<void()>& ready) noexcept;
  Status take_down(bool lazy);

  // Of a view.
  Guarded<std::string> device;              // "": not shown yet
  std::unique_ptr<ViewSocket> view_socket;  // null: none could be opened

  // Used by the watching thread.
  Clock::time_point ends_at = Clock::time_point::max();  // set by the first signal
  bool is_unmount_due = false;                           // also set by it, until the attempt
  bool was_initialized = false, is_read_ahead_set = false;
  Clock::time_point trimmed_after{};  // the last request before that
};

void hold_signals() {
  const sigset_t signals = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool is_stop_pending() {
  sigset_t pending;
  ::sigemptyset(&pending);
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1;
}

FuseSession::FuseSession(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<FuseSession>> FuseSession::mount(std::shared_ptr<Filesystem> filesystem,
                                                        const SessionOptions& options) {
  fuse_set_log_func(on_fuse_log);
  last_message.lock()->clear();
  auto state = std::make_unique<State>();
  state->options = options;
  state->server.filesystem = std::move(filesystem);
  state->server.last_request = Clock::now();
  state->server.is_lower_layer = options.is_lower_layer;
  state->server.is_for_mounter_alone =
      !options.is_lower_layer && std::ranges::none_of(options.kernel_options, [](const std::string& option) {
        return option == "allow_other" || option == "allow_root";
      });
  const std::string mounted_on =
      options.hidden_device >= 0 ? "/dev/fd/" + std::to_string(options.hidden_device) : options.mount_point;
  state->server.is_own_mount = !mounted_on.starts_with("/dev/fd/");
  if (auto checked = check_device(); !checked) return std::unexpected(std::move(checked).error());
  auto session = make_session(options, state->server);
  if (!session) return std::unexpected(std::move(session).error());
  state->session = std::move(*session);
  if (auto mounted = mount_session(state->session.get(), mounted_on); !mounted)
    return fail(std::move(mounted).error());
  extend_protocol(state->session.get());
  state->is_mounted = true;
  return std::unique_ptr<FuseSession>(new FuseSession(std::move(state)));
}

FuseSession::~FuseSession() {
  if (state_->is_mounted && state_->session) fuse_session_unmount(state_->session.get());
}

Status FuseSession::serve(const std::function<void()>& ready) try {
  // Otherwise each thread keeps its own arena, and large blocks of index passes and decoders are allocated in
  // the heap between long-lived ones.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  ::mallopt(M_TRIM_THRESHOLD, 8 << 20);
  hold_signals();  // inherited by the threads that start from here on
  if (!state_->is_view()) state_->server.ready = ready;
  SessionMemory kernel(state_->session.get());
  const ChangeFollower follower(*state_->server.filesystem, kernel);
  std::jthread watcher([&](const std::stop_token& stop) { state_->watch(stop, follower); });
  Status shown;
  std::jthread shower;
  if (state_->is_view()) shower = std::jthread([&] { shown = state_->show_view(ready); });

  const std::unique_ptr<fuse_loop_config, LoopConfigDeleter> config(fuse_loop_cfg_create());
  fuse_loop_cfg_set_max_threads(config.get(), state_->options.max_threads);
  fuse_loop_cfg_set_idle_threads(config.get(), state_->options.max_threads);
  const int result = state_->options.max_threads == 1
                         ? fuse_session_loop(state_->session.get())
                         : fuse_session_loop_mt(state_->session.get(), config.get());
  // If no thread could be started, show_view() still waits for an answer: closing the device ends that. No
  // view has changes that the follower could report to the session.
  if (result < 0 && shower.joinable()) state_->session.reset();
  if (shower.joinable()) shower.join();
  watcher.request_stop();
  watcher.join();
  state_->view_socket.reset();
  if (!shown) return shown;
  // libfuse returns 0 or a signal number after a normal end, otherwise a negative errno.
  if (result < 0)
    return fail(Errc::mount_failed,
                Error::system(-result, "serving " + state_->options.mount_point).message());
  return {};
} catch (const std::system_error& error) {
  return fail(Errc::mount_failed,
              Error::system(error.code().value(), "cannot start a thread for " + state_->options.mount_point)
                  .message());
}

// If it fails, the hidden mount ends with its last handle, and so do the requests.
Status FuseSession::State::show_view(const std::function<void()>& ready) noexcept {
  try {
    auto shown = options.show_view();
    if (!shown) return fail(std::move(shown).error());
    if (options.statistics) {
      auto socket = ViewSocket::open(*shown, options.statistics);
      if (socket)
        view_socket = std::move(*socket);
      else
        log(LogLevel::info, "no statistics: " + socket.error().message());
    }
    *device.lock() = std::move(*shown);
    ready();
    return {};
  } catch (const std::exception& failure) {
    return fail(Errc::mount_failed, failure.what());
  }
}

// A view may have been moved, or covered by another mount.
Status FuseSession::State::take_down(bool lazy) {
  if (is_view()) {
    const auto mount = find_mount(options.mount_point);
    if (!mount || mount->device != *device.lock())
      return fail(Errc::not_found, options.mount_point + ": the view is not there");
  }
  return unmount(options.mount_point, lazy);
}

// Does everything except requests until the mount is gone.
void FuseSession::State::watch(const std::stop_token& stop, const ChangeFollower& follower) noexcept {
  // Poll intervals: before the first answer, while stopping, and while memory or timeouts are pending.
  constexpr int kAtFirstMs = 5, kAtLastMs = 100, kWatchIntervalMs = 1000;
  const sigset_t signals = watched_signals();
  const UniqueFd arrived(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  const EventFd over;
  const std::stop_callback raise_over(stop, [&over] { over.raise(); });
  std::array<pollfd, 2> waited{{{over.fd(), POLLIN, 0}, {arrived.get(), POLLIN, 0}}};
  for (;;) {
    const bool is_ending = ends_at != Clock::time_point::max();
    ::poll(waited.data(), waited.size(),
           !is_read_ahead_set ? kAtFirstMs
           : is_ending        ? kAtLastMs
                              : kWatchIntervalMs);
    if (stop.stop_requested()) return;
    signalfd_siginfo received{};
    std::optional<int> signal;
    if (waited[1].revents != 0 && ::read(arrived.get(), &received, sizeof received) == sizeof received)
      signal = static_cast<int>(received.ssi_signo);
    if (Clock::now() > ends_at) ::_exit(0);
    try {
      attend(follower, signal);
    } catch (const std::exception&) {
      // Out of memory: the remaining work is tried again at the next interval.
    }
  }
}

void FuseSession::State::attend(const ChangeFollower& follower, std::optional<int> signal) {
  if (signal) on_signal(*signal, follower);
  // A view that is about to be shown could not be taken down later.
  const bool is_shown = !is_view() || !device.lock()->empty();
  if (is_unmount_due && is_shown) {
    log(LogLevel::info, "unmounting " + options.mount_point);
    const auto done = take_down(true);
    is_unmount_due = false;
    if (!done) log(LogLevel::warning, done.error().message());
  }
  // Not before the second interval: the kernel sets its own value when it reads the first answer.
  if (std::exchange(was_initialized, server.is_initialized.load()) && !is_read_ahead_set) {
    if (!is_view())
      if (const auto mount = find_mount(options.mount_point)) widen_read_ahead(mount->device);
    is_read_ahead_set = true;
  }
  give_memory_back();
  // Unmounting fails while the mount is in use, and is tried again after the same time.
  if (is_idle() && ends_at == Clock::time_point::max() && !take_down(false))
    server.last_request = Clock::now();
}

// Returns the memory of decoding to the system when reading has stopped.
void FuseSession::State::give_memory_back() {
  const auto last = server.last_request.load();
  if (last == trimmed_after || Clock::now() - last < kQuiet) return;
  trimmed_after = last;
  release_free_memory();
}

bool FuseSession::State::is_idle() const {
  return options.idle_timeout.count() > 0 && Clock::now() - server.last_request.load() > options.idle_timeout;
}

void FuseSession::State::on_signal(int signal, const ChangeFollower& follower) {
  if (signal == SIGHUP) follower.look_again();
  if (signal == SIGINT || signal == SIGTERM) {
    if (ends_at != Clock::time_point::max()) ::_exit(128 + signal);
    ends_at = Clock::now() + kGrace;
    is_unmount_due = true;
    if (options.stopping) options.stopping();
  }
  if (signal == SIGUSR1 && options.log_statistics) options.log_statistics();
}

}  // namespace layoutfs
