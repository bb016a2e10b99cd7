// The EROFS metadata of the images that are read as files of a mount.
#pragma once

#include <memory>
#include <utility>

#include "core/base/single_flight.h"
#include "core/erofs/stored_erofs.h"
#include "fs/tree/recent_files.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Thread-safe.
class OpenErofs {
 public:
  using ErofsPtr = std::shared_ptr<const ErofsImage>;

  // Returns the metadata of one file with an image or layer, of which `tree` is the tree. Errors of
  // open_erofs(); Errc::cancelled if `context` ends while another thread opens it.
  Result<ErofsPtr> open(IndexCache cache, const ImageTree& tree, const Digest& digest, ErofsContent content,
                        const Context& context);

 private:
  using Key = std::pair<Digest, ErofsContent>;
  RecentFiles<Key, Result<ErofsPtr>> files_;  // or why EROFS cannot store the image
  SingleFlight<Key, ErofsPtr> flights_{LockLevel::metadata};
};

}  // namespace layoutfs
