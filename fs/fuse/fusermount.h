// Runs fusermount3(1), the set-uid program with which ordinary users mount and unmount, and captures its
// messages.
#pragma once

#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A file that replaces stderr. If memory is not available, nothing is captured.
class CapturedOutput {
 public:
  CapturedOutput();
  int fd() const noexcept { return memory_.get(); }
  // Returns the text, with its lines joined by "; ".
  std::string text() const;

 private:
  UniqueFd memory_;
};

// Redirects stderr of this process and its children to `output` during its lifetime. Single-threaded programs
// only.
class StderrTo {
 public:
  explicit StderrTo(const CapturedOutput& output);
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;
  ~StderrTo();

 private:
  UniqueFd before_;
};

// Unmounts a mount of this user. Errc::mount_failed with the message of fusermount3.
Status fusermount_unmount(const std::string& mount_point, bool lazy);

}  // namespace layoutfs
