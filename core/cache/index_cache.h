// The directory in which index files survive a mount.
#pragma once

#include <cstdint>
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
  enum class Keeping : std::uint8_t {
    where_possible,  // where nothing can be written: one warning, and from then on nothing is stored
    required,        // where nothing can be written: an error
  };
  // `directory` is made where it is missing, 0700; empty: there is none.
  explicit IndexCache(std::string directory, Keeping keeping = Keeping::where_possible);
  // Keeps nothing.
  IndexCache();

  // $LAYOUTFS_CACHE_DIR; else /var/cache/layoutfs for root; else $XDG_CACHE_HOME/layoutfs; else
  // ~/.cache/layoutfs.
  static std::string default_directory();

  // Empty where nothing is kept.
  const std::string& directory() const noexcept;
  // Errc::not_found where there is no such file. Any other error: it cannot be read, or others may have
  // written it.
  Result<SharedBytes> load(std::string_view kind, const Digest& digest) const;
  // The content to use from now on: mapped from the file just written, or in memory where it could not be.
  // Fails only with Keeping::required. What writers that were killed long ago left beside it is removed.
  Result<SharedBytes> store(std::string_view kind, const Digest& digest, Bytes content);
  // Before long work whose result is to be stored: what can be known of store() failing already.
  Status prepare(std::string_view kind, const Digest& digest);
  // Why something could not be stored, the first time.
  std::optional<Error> write_failure() const;
  // Removes the file, whatever it holds; what is mapped stays readable. Its size in bytes, nothing where
  // there was none.
  Result<std::optional<std::uint64_t>> remove(std::string_view kind, const Digest& digest);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layoutfs
