// Pages of directory listings, with positions that stay valid while a directory changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/guarded.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// Returns the position of a name in any listing, from 2^32 to 2^62, equal in every mount. Names are spread
// evenly. Two names may share a position; three are practically impossible.
std::uint64_t position_of(std::string_view name);

// Names sorted by position. A listing that starts after a position contains all names with greater positions,
// independent of changes since that position was returned. So every name that stays in the directory is seen
// exactly once by each reader, without state per reader. (Of two names with the same position, the second
// gets the next one while the first exists.)
struct ListedName {
  std::uint64_t position;
  VirtualNode::Name name;
};
using DirectoryListing = std::vector<ListedName>;
DirectoryListing in_order(std::vector<VirtualNode::Name> names);

// Caches the listings of the directories that are being read: a reader takes one page at a time, and
// rebuilding the listing for each page would cost the square of its length. Dropping one costs time, not
// correctness. Thread-safe.
class DirectoryListings {
 public:
  using Clock = std::chrono::steady_clock;
  // Returns the names of `node`, at most kShortly old; new for this call if it starts a listing (`is_start`).
  Answer<std::shared_ptr<const DirectoryListing>> listing(InodeNumber number, VirtualNode& node,
                                                          bool is_start, const Context& context);

 private:
  static constexpr std::size_t kPage = 8;         // names that always fit into one page
  static constexpr std::size_t kMaxListings = 8;  // cached listings
  struct Remembered {
    InodeNumber number;
    Clock::time_point made;
    std::shared_ptr<const DirectoryListing> listing;
  };
  Guarded<std::list<Remembered>> remembered_;  // most recently made first
};

}  // namespace layoutfs
