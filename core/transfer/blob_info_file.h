// A persistent BlobInfoCache.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/transfer/blob_info_cache.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Thread-safe, and safe with other processes that use the same directory.
class BlobInfoFile : public BlobInfoCache {
 public:
  // Merges new records into the file and keeps those of other processes. Errors are harmless: the next
  // process only knows less. Errc::io. Errc::invalid_argument if others can write the directory.
  virtual Status save() = 0;
};

inline constexpr std::size_t kMaxRecords = std::size_t{1} << 14;

// Opens the file `blob-info` in `directory`, which is created by the first save. A file that is missing,
// damaged, of another version, or writable by others counts as empty, and is replaced. At most `limit` pairs
// and `limit` locations are kept; the oldest are dropped. If `directory` is empty, nothing is stored.
std::unique_ptr<BlobInfoFile> open_blob_info_file(std::string directory, std::size_t limit = kMaxRecords);

}  // namespace layoutfs
