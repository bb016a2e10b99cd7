// The directory in which `chroot --commit` keeps changes until they are committed.
#pragma once

#include <string>
#include <utility>

#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

class TemporaryUpper {
 public:
  TemporaryUpper(TemporaryUpper&&) = default;
  TemporaryUpper& operator=(TemporaryUpper&&) = delete;
  // Removes the directory. Call it when nothing is mounted on it.
  ~TemporaryUpper();

  // Creates an empty directory in $TMPDIR, or in /var/tmp, because changes may be too large for a /tmp in
  // memory. Removes those of this user that killed processes have left there. Errc::io.
  static Result<TemporaryUpper> create();

  // Returns the path for UpperDirectory::take(). It does not exist yet.
  std::string path() const;

 private:
  TemporaryUpper(std::string parent_path, UniqueFd parent, std::string name, UniqueFd directory)
      : parent_path_(std::move(parent_path)),
        parent_(std::move(parent)),
        name_(std::move(name)),
        directory_(std::move(directory)) {}

  std::string parent_path_;
  UniqueFd parent_;
  std::string name_;
  UniqueFd directory_;  // locked
};

}  // namespace layoutfs::tools
