// A directory of layouts, one per repository: `a/b` is in `DIRECTORY/a/b`, beside the files of `a`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns whether a repository name can have such a directory: no component after the first is the name of a
// layout's file (`blobs`, `index.json`, `oci-layout`, `index.json.*`).
bool is_repository_directory(std::string_view name) noexcept;

// Immutable. Thread-safe. Symlinks below the directory are not followed. Names that are not repository names
// are ignored.
class RepositoryTree {
 public:
  // The content of one directory of the tree.
  struct Level {
    bool is_layout = false;          // whether the directory itself is a repository
    std::vector<std::string> below;  // directories that may contain repositories, in byte order
  };

  // The directory need not exist.
  explicit RepositoryTree(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const noexcept { return directory_; }
  // `name` is empty or a repository name. Errc::not_found if the directory does not exist. Errc::io if it is
  // not readable.
  Result<Level> level(std::string_view name) const;
  // Returns the names of the repositories with a layout after `start_after`, in byte order, at most `limit`
  // unless it is 0. Reads only the directories that may contain them. A missing directory is empty, even if
  // it was removed during the call. Errc::io, with its name, if a directory is not readable, because the list
  // would be incomplete. Holds one open directory per component, at most 128.
  Result<std::vector<std::string>> list(std::string_view start_after, std::size_t limit,
                                        const Context& context = {}) const;
  // Returns a handle (O_PATH) of the directory of that name, or of the whole tree if it is empty. A later
  // rename cannot redirect it. Errc::not_found if it does not exist or is not a directory of the tree.
  Result<UniqueFd> open(std::string_view name) const;
  // Checks that the directory of a new repository can be created: existing components are directories.
  // Errc::not_found if one is not.
  Status check_way(std::string_view name) const;
  // Returns the path of a repository's layout after checking that each component is a directory and not a
  // symlink. Errc::not_found if one is not.
  Result<std::string> path_of(std::string_view name) const;

 private:
  std::string directory_;
};

}  // namespace layoutfs
