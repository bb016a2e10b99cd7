// The inode numbers of nodes, and the references of the front end to each.
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

// The same in every mount, on every machine.
std::uint64_t stable_hash(std::string_view text) noexcept;

// Thread-safe.
class NodeTable {
 public:
  using Clock = std::chrono::steady_clock;
  // Numbers of nodes have this bit, those of images' inodes have not.
  static constexpr InodeNumber kTag = InodeNumber{1} << 63;

  // Counts one more reference to the node of that identity, which was looked up as `name` in `directory`.
  // Returns the node that the table has, `node` if it has none of that identity yet.
  struct Referenced {
    InodeNumber number;
    VirtualNodePtr node;
  };
  Referenced reference(VirtualNodePtr node, InodeNumber directory, std::string_view name);
  void forget(InodeNumber number, std::uint64_t count);
  // Null if there is no reference to that number.
  VirtualNodePtr find(InodeNumber number);
  // As find(), for an answer about its attributes: known_since() counts it.
  VirtualNodePtr find_and_touch(InodeNumber number);
  std::size_t size();

  struct KnownNode {
    InodeNumber number;
    VirtualNodePtr node;
    InodeNumber directory;
    std::string name;
  };
  // The nodes whose names or attributes were answered since `start`.
  std::vector<KnownNode> known_since(Clock::time_point start);

 private:
  struct ReferencedNode {
    VirtualNodePtr node;
    std::uint64_t references;
    InodeNumber directory;  // a node is found in one place only, which is part of its identity
    std::string name;
    Clock::time_point answered;
  };
  Guarded<std::unordered_map<InodeNumber, ReferencedNode>> nodes_;
};

}  // namespace layoutfs
