// Serves a Filesystem to the kernel through low-level libfuse3, on several threads.
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
  std::string source;                       // what /proc/self/mountinfo shows as the source (fsname)
  std::vector<std::string> kernel_options;  // as libfuse's -o takes them: "allow_other", "dev", "noexec", ...
  unsigned max_threads = 10;
  std::chrono::seconds idle_timeout{0};  // unmount after this time without a request; 0: never
  std::function<void()> log_statistics;  // called at SIGUSR1
  std::function<void()> stopping;        // called once a signal has begun to take the mount down
  bool debug = false;                    // log every request
};

class FuseSession {
 public:
  // Mounts; nothing is served yet. Errc::mount_failed with what libfuse or the kernel said. No thread is
  // started, so the caller may still fork.
  static Result<std::unique_ptr<FuseSession>> mount(std::shared_ptr<Filesystem> filesystem,
                                                    const SessionOptions& options);
  // Unmounts, if that has not happened.
  ~FuseSession();

  // Answers requests until the mount is gone. Calls `ready` once, when the kernel has its first answer. The
  // first SIGINT or SIGTERM detaches the mount and lets open files finish, at most ten seconds; the second
  // ends the program. At SIGHUP the kernel forgets what has changed, also where nothing told of it.
  Status serve(const std::function<void()>& ready);

 private:
  struct State;
  explicit FuseSession(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// From here on signals wait for FuseSession::serve: for those who have made something that is to go at the
// end, and start no thread before.
void hold_signals();
// Whether one of those that end serve() waits.
bool is_stop_pending();

// Whether a layoutfs is mounted on this absolute path, by /proc/self/mountinfo: asks nothing of the mount
// itself.
bool is_mounted(const std::string& mount_point);

// Where that is, as an absolute path, by whatever name. Errc::not_found where nothing of ours is mounted.
Result<std::string> mount_point_of(const std::string& path);

// Takes a mount down: umount2(2), or fusermount3 for an ordinary user. Errc::not_found where nothing of ours
// is mounted.
Status unmount(const std::string& mount_point, bool lazy);

}  // namespace layoutfs
