// Files with blobs of registries in the cache directory, and their common budget.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cache/cache_directory.h"
#include "core/remote/range_file.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The files of CacheKind::remote_blob and CacheKind::remote_ranges, with the state shared by all blobs of
// this process. Thread-safe.
class RangeDirectory {
 public:
  enum class Keeping : std::uint8_t {
    arriving,  // fetched ranges are kept
    none,      // nothing is added, but the files of earlier users are read
  };

  // If `directory` is empty or `budget` is 0, there are no files. `budget` is a limit in bytes for the files
  // of all processes. Each process may exceed it by a sixteenth, at most 64 MiB, before it removes files.
  RangeDirectory(std::string directory, std::uint64_t budget, Keeping keeping = Keeping::arriving);

  // Opens a complete blob and marks it as used. Errc::not_found if there is none.
  Result<UniqueFd> open_complete(const Digest& digest) const;

  struct Opened {
    std::shared_ptr<RangeFile> file;
    bool is_writable = false;
  };
  // Opens the ranges of a blob of `size` bytes and marks them as used. Removes an invalid file.
  // Errc::not_found if there are none.
  Result<Opened> open(const Digest& digest, std::uint64_t size) const;
  // The same, but creates the file if it is missing.
  Result<Opened> create(const Digest& digest, std::uint64_t size) const;

  // Gives complete ranges the name of a complete blob.
  Status keep_complete(const RangeFile& ranges, const Digest& digest) const;
  void remove_complete(const Digest& digest) const;
  void remove_ranges(const Digest& digest) const;

  // Makes room if necessary.
  void count_written(std::uint64_t bytes);

  // Returns whether it makes sense to write now.
  bool is_writable() const;
  // After a failure to write, nothing is written for a minute. The first call logs a warning.
  void pause_writing(const Error& why);

 private:
  const std::unique_ptr<const CacheDirectory> files_;  // null if there are none
  const std::uint64_t budget_, room_step_;
  const Keeping keeping_;
  std::atomic<std::uint64_t> written_ = 0;  // since room was made
  mutable Guarded<std::optional<std::chrono::steady_clock::time_point>> paused_until_;
  std::atomic<bool> is_warned_ = false;
};

}  // namespace layoutfs
