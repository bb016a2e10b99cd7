// Indexes and trees in the cache directory, for mounts and commands.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/file.h"
#include "core/cache/cache_directory.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Adds a policy for write failures to CacheDirectory. Copies share one state. Thread-safe.
class IndexCache {
 public:
  enum class Keeping : std::uint8_t {
    where_possible,  // write failures: one warning; nothing is stored afterwards
    required,        // write failures are errors
  };
  // `directory` is created (0700) with the first file. If it is empty, nothing is stored.
  explicit IndexCache(std::string directory, Keeping keeping = Keeping::where_possible);
  // Stores nothing.
  IndexCache();

  // See CacheDirectory::default_path().
  static std::string default_directory() { return CacheDirectory::default_path(); }

  // Returns "" if nothing is stored.
  const std::string& directory() const noexcept;
  // Returns null if nothing is stored.
  const std::shared_ptr<const CacheDirectory>& files() const noexcept;
  // Errc::not_found if there is no such file. Other errors if it cannot be read or others could have written
  // it.
  Result<SharedBytes> load(CacheKind kind, const Digest& digest) const;
  // Returns the content for further use: mapped from the new file, or in memory if it could not be written.
  // Fails only with Keeping::required.
  Result<SharedBytes> store(CacheKind kind, const Digest& digest, SharedBytes content);
  Result<SharedBytes> store(CacheKind kind, const Digest& digest, Bytes content) {
    return store(kind, digest, SharedBytes::of(std::move(content)));
  }
  // Call it before long work with a result to store: returns an error if store() would certainly fail.
  Status prepare(CacheKind kind, const Digest& digest);
  // Returns the first write failure, nullopt if there was none.
  std::optional<Error> write_failure() const;
  // Removes the file, even if it is invalid; mapped content stays readable. Returns its size in bytes,
  // nullopt if it did not exist.
  Result<std::optional<std::uint64_t>> remove(CacheKind kind, const Digest& digest);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layoutfs
