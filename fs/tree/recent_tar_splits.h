// The records of layers that are read as files of a mount.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "core/base/guarded.h"
#include "core/base/single_flight.h"
#include "core/engines/stored_tar_split.h"
#include "core/image/image_library.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Keeps the most recently used records open. They are mapped from the cache directory; those that could not
// be stored take memory, within a limit. Thread-safe.
class RecentTarSplits {
 public:
  // Returns the record of the topmost layer of a stack, which is made if there is none. Errors of
  // open_tar_split() and of ImageLibrary::stack().
  Result<TarSplitPtr> open(ImageLibrary& library, const LayerStack& stack, const Context& context);

 private:
  static constexpr std::size_t kMaxOpen = 16;
  static constexpr std::uint64_t kMaxMemory = std::uint64_t{64} << 20;  // but at least one is kept

  struct Item {
    Digest key;
    TarSplitPtr record;
  };
  TarSplitPtr find(const Digest& key);
  void keep(Item item);

  Guarded<std::list<Item>> items_;  // most recently used first
  SingleFlight<Digest, TarSplitPtr> flights_{LockLevel::record};
};

}  // namespace layoutfs
