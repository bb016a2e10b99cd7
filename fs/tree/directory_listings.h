// The pages of directory listings: positions that stay valid while a directory changes.
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

// The position of a name in any listing of any directory, the same in every mount: from 2^32 to 2^62. Names
// are spread evenly; two names may share a position, though nobody can be expected to find three that do.
std::uint64_t position_of(std::string_view name);

// Names in the order of their positions. A listing that starts after a position shows all names with a
// greater one, whatever was added or removed since that position was returned. So every name that stays in
// the directory is seen exactly once by each reader, without any memory of the readers. (Of two names that
// share a position the second has the next one, as long as the first stays.)
struct ListedName {
  std::uint64_t position;
  VirtualNode::Name name;
};
using DirectoryListing = std::vector<ListedName>;
DirectoryListing in_order(std::vector<VirtualNode::Name> names);

// The listings of the directories that are read at the moment: a reader takes a page at a time, and making
// the whole listing for each page would cost the square of its length. Forgetting one costs time, not
// correctness. Thread-safe.
class DirectoryListings {
 public:
  using Clock = std::chrono::steady_clock;
  // The names of `node`, no older than kShortly; made for this call if it starts a listing (`is_start`).
  Answer<std::shared_ptr<const DirectoryListing>> listing(InodeNumber number, VirtualNode& node,
                                                          bool is_start, const Context& context);

 private:
  static constexpr std::size_t kPage = 8;         // names that fit into one page in any case
  static constexpr std::size_t kMaxListings = 8;  // that are remembered
  struct Remembered {
    InodeNumber number;
    Clock::time_point made;
    std::shared_ptr<const DirectoryListing> listing;
  };
  Guarded<std::list<Remembered>> remembered_;  // the one made last comes first
};

}  // namespace layoutfs
