// The inode numbers of nodes, and the front end's references to them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/guarded.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

// Returns the same value in every mount, on every machine.
std::uint64_t stable_hash(std::string_view text) noexcept;

// Thread-safe.
class NodeTable {
 public:
  using Clock = std::chrono::steady_clock;
  // Set in the numbers of nodes, not set in those of images' inodes.
  static constexpr InodeNumber kTag = InodeNumber{1} << 63;

  // Adds a reference to the node with that identity, which was looked up as `name` in `directory`. Returns
  // the node in the table, or `node` if it is new.
  struct Referenced {
    InodeNumber number;
    VirtualNodePtr node;
  };
  Referenced reference(VirtualNodePtr node, InodeNumber directory, std::string_view name);
  void forget(InodeNumber number, std::uint64_t count);
  // Returns null if there is no reference to that number.
  VirtualNodePtr find(InodeNumber number);
  // Like find(), for an answer about attributes: included in known_since().
  VirtualNodePtr find_and_touch(InodeNumber number);
  std::size_t size();

  struct KnownNode {
    InodeNumber number;
    VirtualNodePtr node;
    InodeNumber directory;
    std::string name;
  };
  // Returns the nodes with names or attributes that were answered since `start`.
  std::vector<KnownNode> known_since(Clock::time_point start);

 private:
  struct ReferencedNode {
    VirtualNodePtr node;
    std::uint64_t references;
    InodeNumber directory;  // a node has only one parent, which is part of its identity
    std::string name;
    Clock::time_point answered;
  };
  Guarded<std::unordered_map<InodeNumber, ReferencedNode>> nodes_;
};

}  // namespace layoutfs
