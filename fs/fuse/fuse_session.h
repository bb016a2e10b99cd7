// Serves a Filesystem to the kernel through low-level libfuse3, with several threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/tree/filesystem.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct SessionOptions {
  std::string mount_point;                  // an existing directory
  std::string source;                       // shown as the source in /proc/self/mountinfo (fsname)
  std::vector<std::string> kernel_options;  // libfuse's -o options: "allow_other", "dev", "noexec", ...
  unsigned max_threads = 10;
  bool is_lower_layer = false;           // an overlayfs for other users is on top
  std::chrono::seconds idle_timeout{0};  // unmount after this time without a request; 0: never
  std::function<void()> log_statistics;  // called at SIGUSR1
  std::function<void()> stopping;        // called when a signal has started unmounting
  bool debug = false;                    // log every request

  // A kernel view: the session answers the device of a hidden mount (kernel_view.h), owns it, and does not
  // mount. Requests end when the view on `mount_point` is gone.
  int hidden_device = -1;
  // Shows the view, and closes its own handle of the hidden mount. Called on a thread of its own when
  // requests are answered. Returns the device of the view ("0:57").
  std::function<Result<std::string>()> show_view;
  std::function<std::string()> statistics;  // of the view, for programs that ask (view_socket.h)
};

class FuseSession {
 public:
  // Mounts without serving yet. Starts no thread, so the caller may still fork. Errc::mount_failed, with the
  // message of libfuse or the kernel, if it fails.
  static Result<std::unique_ptr<FuseSession>> mount(std::shared_ptr<Filesystem> filesystem,
                                                    const SessionOptions& options);
  // Unmounts unless it is already unmounted.
  ~FuseSession();

  // Answers requests until the mount is gone. Calls `ready` once, when the kernel has its first answer, or
  // the view is shown; if that fails, returns the error of show_view(). The first SIGINT or SIGTERM detaches
  // the mount and waits up to ten seconds for open files; the second ends the program. SIGHUP invalidates the
  // kernel's caches for everything that has changed, even if no change was reported.
  Status serve(const std::function<void()>& ready);

 private:
  struct State;
  explicit FuseSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Blocks signals until FuseSession::serve handles them: for callers that must clean up at the end and start
// no threads before.
void hold_signals();
// Returns whether a signal that ends serve() is pending.
bool is_stop_pending();

// Returns whether a layoutfs is mounted on this absolute path, by /proc/self/mountinfo, without accessing the
// mount.
bool is_mounted(const std::string& mount_point);

// Returns the absolute path of the mount at `path`, which may contain symlinks. Errc::not_found if there is
// no layoutfs mount.
Result<std::string> mount_point_of(const std::string& path);

// Unmounts with umount2(2), or with fusermount3 for ordinary users. Errc::not_found if there is no layoutfs
// mount.
Status unmount(const std::string& mount_point, bool lazy);

}  // namespace layoutfs
