// The lock of a layout, held by a test: the behaviour of others while they wait for it.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "core/base/file.h"

namespace layoutfs::testing {

// Holds the exclusive lock of a layout until release(), or until the end of its scope.
class HeldLock {
 public:
  explicit HeldLock(const std::string& layout)
      : fd_(::open(layout.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    struct stat found{};
    is_held_ = fd_ && ::flock(fd_.get(), LOCK_EX) == 0 && ::fstat(fd_.get(), &found) == 0;
    inode_ = ":" + std::to_string(found.st_ino) + " ";
  }

  bool is_held() const { return is_held_; }
  // Waits until another process or thread waits for the lock. After half a minute, releases it and returns
  // false.
  bool has_waiter() {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < patience) {
      std::ifstream locks("/proc/locks");
      for (std::string line; std::getline(locks, line);)
        if (line.contains("-> FLOCK") && line.contains(inode_)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    release();
    return false;
  }
  void release() { fd_ = UniqueFd(); }

 private:
  UniqueFd fd_;
  std::string inode_;
  bool is_held_;
};

}  // namespace layoutfs::testing
