// The directory in which index files survive a mount.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/file.h"

namespace layoutfs {

// Files by kind ("layers", "images") and digest. Several processes may use one directory at once: files are
// complete or absent, and equal whoever writes them. Thread-safe.
class IndexCache {
 public:
  // `directory` is made where it is missing, 0700. A directory that cannot be written gives one warning, and
  // from then on nothing is stored; that is never an error.
  explicit IndexCache(std::string directory);
  // Keeps nothing.
  IndexCache();

  // $LAYOUTFS_CACHE_DIR; else /var/cache/layoutfs for root; else $XDG_CACHE_HOME/layoutfs; else
  // ~/.cache/layoutfs.
  static std::string default_directory();

  // Nothing where there is no such file, or where it cannot be read.
  std::optional<SharedBytes> load(std::string_view kind, const Digest& digest) const;
  // The content to use from now on: mapped from the file just written, or in memory where it could not be.
  SharedBytes store(std::string_view kind, const Digest& digest, Bytes content);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layoutfs
