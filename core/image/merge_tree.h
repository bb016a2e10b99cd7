// The tree that layers are applied to, entry by entry.
//
// Every path of the image leads to a *node*. A directory holds links: a name, the node, and the layer that
// put the name there last. A node never moves: replacing a name links another node, and a node that no name
// leads to is simply not written in the end. A directory has one name at most, so it knows its parent.
//
// A link, or a node, is *fresh* while the layer that put it there is being applied: whiteouts, which concern
// lower layers only, spare what is fresh. Creating an entry marks all directories on its way as fresh.
//
// Paths are resolved as Linux does it, within the root. Two memories keep the cost of a layer near one lookup
// for each entry:
//   - the last path resolved for entries, and the last one for other purposes, with the directory behind each
//     of its components: entries of one directory, and of its neighbours, come together in a tar;
//   - where each symlink led that was followed.
// Both hold only as long as the *generation* stays the same. It changes with each layer, and if a link is
// removed or replaced that such a path went through: a directory, or a symlink that was followed. A new name
// changes nothing, because what is remembered led to a directory.
//
// All work is counted in steps (see core/layer/limits.h), and a layer that takes too many is refused.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/layer/layer_index.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Names and values are ranges of the layer indexes, which outlive the tree.
using XattrList = std::vector<std::pair<std::string_view, std::string_view>>;

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
    NodeId parent = kRoot;                // of a directory
    std::string_view target;              // of a symlink
    Children children;
  };

  // No directory is made with a name that begins with `forbidden`, if that is not empty.
  explicit MergeTree(const MergeLimits& limits, std::string_view forbidden = {});
  // Begins with layer number `layer`, of `entry_count` entries, which bounds its steps.
  void begin_layer(std::uint32_t layer, std::size_t entry_count);

  // Resolves the directory at `path`, a range of a layer index, symlinks followed inside the root. Returns
  // kNone if it does not exist. With Create::yes, missing directories are made, also behind dangling
  // symlinks. Errc::corrupt for a loop of symlinks, or with Create::yes for a parent that is a file or must
  // not be made; Errc::unsupported if the image has too many inodes, or the layer takes too many steps.
  enum class Create : std::uint8_t { no, yes };
  Result<NodeId> walk(std::string_view path, Create create);

  // A new node of the layer that is being applied. Errc::unsupported if there are too many.
  Result<NodeId> add_node(EntryType type);
  // Gives a directory a name, replacing what had it.
  void link(NodeId directory, std::string_view name, NodeId node);
  NodeId find(NodeId directory, std::string_view name);
  // All ids are below.
  std::size_t node_count() const { return nodes_.size(); }
  Node& node(NodeId id) { return nodes_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }

  // Adds an xattr, or gives it another value. Errc::corrupt if all names of the node would take more than
  // kMaxXattrNames.
  Status set_xattr(NodeId node, std::string_view name, std::string_view value);
  void clear_xattrs(NodeId node);
  // Sorted by name.
  std::span<const std::pair<std::string_view, std::string_view>> xattrs(NodeId node) const;

  // Applies a whiteout of `name`, or of all names, in `directory`.
  void white_out(NodeId directory, std::string_view name);
  void white_out_all(NodeId directory);

  // Counts work. check_steps() returns Errc::unsupported once the layer, or the image, has taken too much.
  void spend(std::uint64_t steps) { steps_ += steps; }
  Status check_steps() const;
  // Of all layers up to now.
  std::uint64_t steps() const { return steps_; }

 private:
  struct Walk;
  // The directory behind the first `end` bytes of a path, which took `symlinks` symlinks.
  struct Level {
    std::size_t end;
    NodeId directory;
    int symlinks;
  };
  struct ResolvedPath {
    std::uint64_t generation = 0;
    std::string_view path;
    std::vector<Level> levels;  // one for each component
  };
  // Where a symlink led, from the directory that it was found in.
  struct ResolvedSymlink {
    std::uint64_t generation;
    NodeId from, directory;
    int symlinks;   // followed, with this one
    Create create;  // if yes, the directories on its way are fresh
  };
  struct Xattrs {
    XattrList list;
    std::size_t names_size = 0;  // bytes, a NUL behind each
  };

  Status enter(Walk& walk, std::string_view name);
  Result<NodeId> find_or_create(NodeId directory, std::string_view name, Create create);
  Status follow(Walk& walk, NodeId symlink);
  void leave_symlink(Walk& walk);
  bool is_on_a_path(NodeId node) const;
  void white_out_link(Children& children, Children::iterator position, std::vector<NodeId>& below);
  void white_out_below(std::vector<NodeId> directories);

  std::string_view forbidden_;
  std::uint32_t layer_ = 0;
  std::uint64_t generation_ = 1;
  std::array<ResolvedPath, 2> resolved_paths_;  // by Create
  std::unordered_map<NodeId, ResolvedSymlink> resolved_symlinks_;
  std::uint64_t steps_ = 0;
  const MergeLimits limits_;
  std::uint64_t step_limit_ = 0;  // of steps_, for the layer
  std::vector<Node> nodes_;
  std::vector<Xattrs> xattr_lists_;
};

}  // namespace layoutfs
