// The numbers of nodes that the kernel knows, and how often it knows each.
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
  static constexpr NodeId kTag = NodeId{1} << 63;

  // Counts one more reference to the node of that identity, which the kernel is told of as `name` in
  // `directory`. `node` is dropped where the table has one already, which is the one returned.
  struct Referenced {
    NodeId number;
    NodePtr node;
  };
  Referenced reference(NodePtr node, NodeId directory, std::string_view name);
  void forget(NodeId number, std::uint64_t count);
  // Null where the kernel was never told that number.
  NodePtr find(NodeId number);
  // As find(), to tell the kernel of its attributes.
  NodePtr find_to_tell(NodeId number);
  std::size_t size();

  struct Told {
    NodeId number;
    NodePtr node;
    NodeId directory;
    std::string name;
  };
  // What the kernel was told of, or of whose attributes, since `start`.
  std::vector<Told> told_since(Clock::time_point start);

 private:
  struct Item {
    NodePtr node;
    std::uint64_t references;
    NodeId directory;  // a node is found in one place only, which is part of its identity
    std::string name;
    Clock::time_point told;
  };
  Guarded<std::unordered_map<NodeId, Item>> items_;
};

}  // namespace layoutfs
