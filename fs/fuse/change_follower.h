// Keeps the kernel from remembering what is no longer so.
#pragma once

#include <thread>

#include "core/base/event_fd.h"
#include "fs/tree/filesystem.h"

namespace layoutfs {

// Asks the filesystem what has changed, on a thread of its own: the kernel may make it wait for answers to
// others.
class ChangeFollower {
 public:
  // Both must live as long. Follows nothing where the system has no descriptor to end it by.
  ChangeFollower(Filesystem& filesystem, AnswerCache& kernel);
  ChangeFollower(const ChangeFollower&) = delete;
  ChangeFollower& operator=(const ChangeFollower&) = delete;
  ~ChangeFollower();

  // As if something had changed. From any thread.
  void look_again() const noexcept { asked_.raise(); }

 private:
  void run();

  Filesystem& filesystem_;
  AnswerCache& kernel_;
  EventFd asked_;
  EventFd over_;
  std::thread thread_;  // last: uses all of the above
};

}  // namespace layoutfs
