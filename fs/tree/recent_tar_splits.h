// The records of layers that are read as files of a mount.
#pragma once

#include "core/base/single_flight.h"
#include "core/engines/stored_tar_split.h"
#include "core/image/image_library.h"
#include "fs/tree/recent_files.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Thread-safe.
class RecentTarSplits {
 public:
  // Returns the record of the topmost layer of a stack, which is made if there is none. Errors of
  // open_tar_split() and of ImageLibrary::stack().
  Result<TarSplitPtr> open(ImageLibrary& library, const LayerStack& stack, const Context& context);

 private:
  RecentFiles<Digest, TarSplitPtr> records_;
  SingleFlight<Digest, TarSplitPtr> flights_{LockLevel::record};
};

}  // namespace layoutfs
