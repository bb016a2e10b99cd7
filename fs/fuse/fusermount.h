// fusermount3(1), the set-uid program by which ordinary users mount and unmount, and what it says.
#pragma once

#include <string>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A file to take the place of a stderr. Where memory cannot be had, nothing is captured.
class CapturedOutput {
 public:
  CapturedOutput();
  int fd() const noexcept { return memory_.get(); }
  // What was written, its lines joined by "; ".
  std::string text() const;

 private:
  UniqueFd memory_;
};

// As long as one of these lives, what this process and its children write to stderr goes into `output`:
// single-threaded programs only.
class StderrTo {
 public:
  explicit StderrTo(const CapturedOutput& output);
  StderrTo(const StderrTo&) = delete;
  StderrTo& operator=(const StderrTo&) = delete;
  ~StderrTo();

 private:
  UniqueFd before_;
};

// Unmounts what this user mounted. Errc::mount_failed with what fusermount3 said.
Status fusermount_unmount(const std::string& mount_point, bool lazy);

}  // namespace layoutfs
