// The upper directory of an overlay: the changes that it makes to the directories below it.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// One change.
struct UpperEntry {
  std::string path;                       // below the directory: "etc/hosts"; empty for the directory itself
  struct stat status;                     // of a file that exists
  bool is_removed = false;                // a whiteout: the overlay hides the file below it
  bool is_opaque = false;                 // a directory that hides the one below it
  std::optional<std::size_t> first_name;  // position of the first entry of the same file
};

struct UpperOptions {
  // Files of this user and group are root's: those of an overlay in a user namespace that maps only them.
  std::optional<std::uint32_t> root_user, root_group;
  Context context;
};

// Immutable, but the directory is not: later readers of a file compare its status.
class UpperLayer {
 public:
  // Reads all directories, relative to their handles and without following symlinks; opens no other file.
  // `name` is for errors. Sockets are left out, because a layer cannot have one. Cost: about three system
  // calls and 250 bytes for each file.
  // Errc::unsupported if a file refers to the directories below the overlay (read_upper_marks), has a name
  // that means a whiteout in a layer, or if there are more files than a layer may have.
  // Errc::invalid_argument if another file system is mounted in the directory. Errc::io. Errc::cancelled.
  static Result<UpperLayer> read(UniqueFd directory, std::string name, const UpperOptions& options = {});

  // Returns the changes; each directory is followed by its content, in the byte order of the names. The first
  // one is the directory itself.
  std::span<const UpperEntry> entries() const noexcept { return entries_; }
  const UniqueFd& directory() const noexcept { return directory_; }
  const std::string& name() const noexcept { return name_; }
  std::uint64_t content_size() const noexcept { return content_size_; }  // bytes of files, with holes
  std::size_t socket_count() const noexcept { return socket_count_; }    // of those left out
  // Returns whether there is no change beside the attributes of the directory itself.
  bool is_empty() const noexcept { return entries_.size() == 1; }

 private:
  class Reader;
  UniqueFd directory_;
  std::string name_;
  std::vector<UpperEntry> entries_;
  std::uint64_t content_size_ = 0;
  std::size_t socket_count_ = 0;
};

}  // namespace layoutfs
