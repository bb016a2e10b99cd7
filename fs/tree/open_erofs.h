// The EROFS metadata of the images that are read as files of a mount.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/single_flight.h"
#include "core/erofs/stored_erofs.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Keeps the most recently used metadata open. Most of it is mapped from the cache directory; metadata that
// could not be stored takes memory, within a limit. Thread-safe.
class OpenErofs {
 public:
  using ErofsPtr = std::shared_ptr<const ErofsImage>;

  // Returns the metadata of one file with an image or layer, of which `tree` is the tree. Errors of
  // open_erofs(); Errc::cancelled if `context` ends while another thread opens it.
  Result<ErofsPtr> open(IndexCache cache, const ImageTree& tree, const Digest& digest, ErofsContent content,
                        const Context& context);

 private:
  static constexpr std::size_t kMaxOpen = 16;
  static constexpr std::uint64_t kMaxMemory = std::uint64_t{64} << 20;  // but at least one is kept

  using Key = std::pair<Digest, ErofsContent>;
  struct Item {
    Key key;
    Result<ErofsPtr> erofs;    // or why EROFS cannot store the image
    std::uint64_t memory = 0;  // in bytes, not counting mapped files
  };
  std::optional<Result<ErofsPtr>> find(const Key& key);
  void keep(Item item);

  Guarded<std::list<Item>> items_;  // most recently used first
  SingleFlight<Key, ErofsPtr> flights_{LockLevel::metadata};
};

}  // namespace layoutfs
