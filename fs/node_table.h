// The numbers of nodes that the kernel knows, and how often it knows each.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "core/base/guarded.h"
#include "fs/virtual_node.h"

namespace layoutfs {

// Thread-safe.
class NodeTable {
 public:
  // Numbers of nodes have this bit, those of images' inodes have not.
  static constexpr NodeId kTag = NodeId{1} << 63;

  // Counts one more reference to the node of that identity. `node` is dropped where the table has one
  // already, which is the one returned.
  struct Referenced {
    NodeId number;
    NodePtr node;
  };
  Referenced reference(NodePtr node);
  void forget(NodeId number, std::uint64_t count);
  // Null where the kernel was never told that number.
  NodePtr find(NodeId number);
  std::size_t size();

 private:
  struct Item {
    NodePtr node;
    std::uint64_t references;
  };
  Guarded<std::unordered_map<NodeId, Item>> items_;
};

}  // namespace layoutfs
