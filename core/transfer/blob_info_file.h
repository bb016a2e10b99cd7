// A BlobInfoCache that outlives the process.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/transfer/blob_info_cache.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Thread-safe, and safe beside other processes that have the same directory.
class BlobInfoFile : public BlobInfoCache {
 public:
  // Adds what was recorded here to the file, to what others have added meanwhile. Errors are no harm: the
  // next process knows less. Errc::io; Errc::invalid_argument if others can write the directory.
  virtual Status save() = 0;
};

inline constexpr std::size_t kMaxRecords = std::size_t{1} << 14;

// The file `blob-info` in `directory`, which is made with the first save. A file that is missing, damaged, of
// another version, or that others can write, counts as empty, and is replaced. `limit` pairs stay, and as
// many locations: what was recorded longest ago goes. An empty `directory`: nothing is kept.
std::unique_ptr<BlobInfoFile> open_blob_info_file(std::string directory, std::size_t limit = kMaxRecords);

}  // namespace layoutfs
