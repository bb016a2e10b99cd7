// A directory of layouts, one for each repository: that of `a/b` is `DIRECTORY/a/b`, beside what belongs to
// `a`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A repository name that can have such a directory: no component after the first is called as a file of the
// layout above it is (`blobs`, `index.json`, `oci-layout`, `index.json.*`).
bool is_repository_directory(std::string_view name) noexcept;

// Immutable, thread-safe; nothing below the directory that is a symlink is followed, and whatever is called
// as no repository can be is passed over.
class RepositoryTree {
 public:
  // What stands in one directory of the tree.
  struct Level {
    bool is_layout = false;          // whether the directory itself is a repository's
    std::vector<std::string> below;  // directories that may hold repositories, in byte order
  };

  // The directory need not be there.
  explicit RepositoryTree(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const noexcept { return directory_; }
  // `name` is empty, or a repository name. Errc::not_found where there is no such directory; Errc::io where
  // it may not be read.
  Result<Level> level(std::string_view name) const;
  // Names of the repositories that have a layout, in byte order, those after `start_after`, at most `limit`
  // unless it is 0. Looks only where such can be. A directory that is missing holds none, nor does one that
  // goes meanwhile; one that may not be read is Errc::io and named: without it the list would look whole. Has
  // as many directories open as the deepest name has components, 128 at most.
  Result<std::vector<std::string>> list(std::string_view start_after, std::size_t limit,
                                        const Context& context = {}) const;
  // A handle (O_PATH) of the directory of that name, empty for the whole tree's; what it is given away for
  // later cannot be made to lead elsewhere. Errc::not_found where it is not there, or is none of the tree's.
  Result<UniqueFd> open(std::string_view name) const;
  // Whether the directory of a repository that is not there can be made: what is on the way to it is
  // directories, and then nothing. Errc::not_found if it is something else.
  Status check_way(std::string_view name) const;
  // The path of a repository's layout, checked: each directory on the way to it is there and is none that a
  // symlink leads to. Errc::not_found.
  Result<std::string> path_of(std::string_view name) const;

 private:
  std::string directory_;
};

}  // namespace layoutfs
