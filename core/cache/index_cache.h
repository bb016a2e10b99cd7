// Indexes and trees in the cache directory, as a mount and the commands use them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "core/cache/cache_directory.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Adds to CacheDirectory what to do if nothing can be written. Copies share one state. Thread-safe.
class IndexCache {
 public:
  enum class Keeping : std::uint8_t {
    where_possible,  // if nothing can be written: one warning, and from then on nothing is stored
    required,        // if nothing can be written: an error
  };
  // `directory` is made when something is stored, 0700; if it is empty, nothing is stored.
  explicit IndexCache(std::string directory, Keeping keeping = Keeping::where_possible);
  // Stores nothing.
  IndexCache();

  // See CacheDirectory::default_path().
  static std::string default_directory() { return CacheDirectory::default_path(); }

  // Empty if nothing is stored.
  const std::string& directory() const noexcept;
  // Null if nothing is stored.
  const std::shared_ptr<const CacheDirectory>& files() const noexcept;
  // Errc::not_found if there is no such file. Any other error: it cannot be read, or others may have written
  // it.
  Result<SharedBytes> load(CacheKind kind, const Digest& digest) const;
  // Returns the content to use from now on: mapped from the file just written, or in memory if it could not
  // be written. Fails only with Keeping::required.
  Result<SharedBytes> store(CacheKind kind, const Digest& digest, Bytes content);
  // Before long work whose result is to be stored: returns the error that store() would return for sure.
  Status prepare(CacheKind kind, const Digest& digest);
  // Returns the first error of storing, if there was one.
  std::optional<Error> write_failure() const;
  // Removes the file, whatever it holds; what is mapped stays readable. Returns its size in bytes, nothing if
  // there was none.
  Result<std::optional<std::uint64_t>> remove(CacheKind kind, const Digest& digest);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layoutfs
