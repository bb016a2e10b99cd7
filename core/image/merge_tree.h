// The tree that layers are applied to, entry by entry.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/layer/layer_index.h"

namespace layoutfs {

// Names and values are ranges of the layer indexes, which outlive the tree.
using XattrList = std::vector<std::pair<std::string_view, std::string_view>>;

// Every path of the image leads to one of these. A name, or a node, is *fresh* while the layer that put it
// there is being applied: whiteouts, which concern lower layers only, spare what is fresh.
class MergeTree {
 public:
  using NodeId = std::uint32_t;
  static constexpr NodeId kRoot = 0;
  static constexpr NodeId kNone = UINT32_MAX;

  struct Link {
    NodeId node;
    std::uint32_t layer;  // that put the name there
  };
  using Children = std::map<std::string_view, Link>;

  struct Node {
    EntryType type = EntryType::directory;
    std::uint32_t mode = 0755, uid = 0, gid = 0;
    Timestamp mtime{0, 0};
    std::uint32_t layer = 0;              // that holds the content
    std::uint32_t entry = 0;              // of that layer's index; means nothing for directories
    std::uint32_t attributes_layer = 0;   // that the attributes are from, or that made the directory
    std::uint32_t cleared_layer = kNone;  // the last one that whited out all below
    std::uint32_t xattrs = kNone;         // into xattr_lists()
    std::string_view target;              // of a symlink
    Children children;
  };

  // No directory is made with a name that begins with `forbidden`, if that is not empty.
  explicit MergeTree(std::string_view forbidden = {});
  void begin_layer(std::uint32_t layer) {
    layer_ = layer;
    last_directory_ = kNone;
  }

  // The directory at `path`, symlinks followed inside the root; kNone where it is not there. With
  // Create::yes, missing directories are made, dangling symlinks included. Errc::corrupt for a loop of
  // symlinks, or with Create::yes for a parent that is a file or must not be made; Errc::unsupported where
  // the image has too many inodes.
  enum class Create { no, yes };
  Result<NodeId> walk(std::string_view path, Create create);

  // walk(path, Create::yes), remembering the last answer: in a tar, what lies in one directory comes
  // together. `path` is a range of a layer index.
  Result<NodeId> walk_for_entry(std::string_view path);

  // A new node of the layer that is being applied. Errc::unsupported where there are too many.
  Result<NodeId> add_node(EntryType type);
  // Gives a directory a name, replacing what had it.
  void link(NodeId directory, std::string_view name, NodeId node);
  NodeId find(NodeId directory, std::string_view name) const;
  // All ids are below.
  std::size_t node_count() const { return nodes_.size(); }
  Node& node(NodeId id) { return nodes_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }

  // Adds an xattr, or gives it another value.
  void set_xattr(NodeId node, std::string_view name, std::string_view value);
  void clear_xattrs(NodeId node);
  // Sorted by name.
  std::span<const std::pair<std::string_view, std::string_view>> xattrs(NodeId node) const;

  // What a whiteout of `name`, or of all names, in `directory` does.
  void white_out(NodeId directory, std::string_view name);
  void white_out_all(NodeId directory);

 private:
  void white_out_link(Children& children, Children::iterator position, std::vector<NodeId>& below);
  void white_out_below(std::vector<NodeId> directories);

  std::string_view forbidden_;
  std::uint32_t layer_ = 0;
  // What walk_for_entry last found, kNone where that may no longer hold.
  std::string_view last_path_;
  NodeId last_directory_ = kNone;
  std::vector<Node> nodes_;
  std::vector<XattrList> xattr_lists_;
};

}  // namespace layoutfs
