// Invalidates outdated answers in the kernel's caches.
#pragma once

#include <thread>

#include "core/base/event_fd.h"
#include "fs/tree/filesystem.h"

namespace layoutfs {

// Asks the filesystem for changes on its own thread, because the kernel may let an invalidation wait for
// other answers.
class ChangeFollower {
 public:
  // Both must outlive this. Does nothing if the system has no descriptor left for stopping the thread.
  ChangeFollower(Filesystem& filesystem, AnswerCache& kernel);
  ChangeFollower(const ChangeFollower&) = delete;
  ChangeFollower& operator=(const ChangeFollower&) = delete;
  ~ChangeFollower();

  // Checks for changes now. Any thread may call it.
  void look_again() const noexcept { asked_.raise(); }

 private:
  void run();

  Filesystem& filesystem_;
  AnswerCache& kernel_;
  EventFd asked_;
  EventFd over_;
  std::thread thread_;  // last, because it uses all other members
};

}  // namespace layoutfs
