// The tree to which layers are applied, entry by entry.
//
// Every path of the image leads to a *node*. A directory holds links: a name, the node, and the last layer
// that set the name. A node never moves: replacing a name links another node, and a node without a name is
// not written in the end. A directory has at most one name, so it knows its parent.
//
// A link or a node is *fresh* while its layer is being applied: whiteouts act only on lower layers and skip
// fresh entries. Creating an entry marks all of its parent directories as fresh.
//
// Paths are resolved as in Linux, within the root. Two caches keep the cost of a layer near one lookup per
// entry:
//   - the last path resolved for entries, and the last one for other purposes, with the directory of each
//     component: entries of one directory, and of its neighbours, are close together in a tar;
//   - the target directory of each symlink that was followed.
// Both are valid only while the *generation* stays the same. It changes with each layer, and if a link on
// such a path is removed or replaced: a directory, or a symlink that was followed. A new name changes
// nothing, because the cached paths lead to directories.
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
    std::uint32_t layer;  // the last layer that set the name
  };
  using Children = std::map<std::string_view, Link>;

  struct Node {
    EntryType type = EntryType::directory;
    std::uint32_t mode = 0755, uid = 0, gid = 0;
    Timestamp mtime{0, 0};
    std::uint32_t layer = 0;              // the layer with the content
    std::uint32_t entry = 0;              // in the index of that layer; unused for directories
    std::uint32_t attributes_layer = 0;   // the layer of the attributes, or the one that created the
                                          // directory
    std::uint32_t cleared_layer = kNone;  // the last one that whited out everything below
    std::uint32_t xattrs = kNone;         // index in xattr_lists()
    NodeId parent = kRoot;                // of a directory
    std::string_view target;              // of a symlink
    Children children;
  };

  // A name of a lower layer that a layer took away. Nodes keep their children, so those of a lost directory
  // are still there.
  struct Loss {
    enum class Cause : std::uint8_t { whiteout, opaque, replaced };
    NodeId directory;
    std::string_view name;
    NodeId node;           // its former target
    std::uint32_t had_by;  // the last layer with the name; of a directory, its attributes_layer
    std::uint32_t layer;   // the layer that took it away
    Cause cause;
    bool is_with_content;  // of a directory: all below it is lost, except names of `layer` itself
  };

  // If `forbidden` is not empty, no directory is created with a name that starts with it.
  explicit MergeTree(const MergeLimits& limits, std::string_view forbidden = {});
  // Starts layer number `layer` with `entry_count` entries, which determine its step limit.
  void begin_layer(std::uint32_t layer, std::size_t entry_count);

  // Resolves the directory at `path`, a range of a layer index; symlinks are resolved inside the root.
  // Returns kNone if it does not exist. Create::yes creates missing directories, also behind dangling
  // symlinks. Errc::corrupt if symlinks form a loop, or, with Create::yes, if a parent is a file or must not
  // be created. Errc::unsupported if the image has too many inodes or the layer takes too many steps.
  enum class Create : std::uint8_t { no, yes };
  Result<NodeId> walk(std::string_view path, Create create);

  // Adds a node of the current layer. Errc::unsupported if there are too many.
  Result<NodeId> add_node(EntryType type);
  // Adds a name to a directory, or replaces it.
  void link(NodeId directory, std::string_view name, NodeId node);
  NodeId find(NodeId directory, std::string_view name);
  // All ids are below this number.
  std::size_t node_count() const { return nodes_.size(); }
  Node& node(NodeId id) { return nodes_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }

  // Adds an xattr or replaces its value. Errc::corrupt if all names of the node would exceed kMaxXattrNames.
  Status set_xattr(NodeId node, std::string_view name, std::string_view value);
  void clear_xattrs(NodeId node);
  // Sorted by name.
  std::span<const std::pair<std::string_view, std::string_view>> xattrs(NodeId node) const;

  // Applies a whiteout of `name`, or of all names, in `directory`.
  void white_out(NodeId directory, std::string_view name);
  void white_out_all(NodeId directory);

  // Keeps a list of losses from now on, in the order of the entries that cause them.
  void record_losses() { is_recording_ = true; }
  std::span<const Loss> losses() const { return losses_; }

  // Counts work. check_steps() returns Errc::unsupported if the layer or the image has exceeded its limit.
  void spend(std::uint64_t steps) { steps_ += steps; }
  Status check_steps() const;
  // Of all layers so far.
  std::uint64_t steps() const { return steps_; }

 private:
  struct Walk;
  // The directory at the first `end` bytes of a path, after `symlinks` symlinks.
  struct Level {
    std::size_t end;
    NodeId directory;
    int symlinks;
  };
  struct ResolvedPath {
    std::uint64_t generation = 0;
    std::string_view path;
    std::vector<Level> levels;  // one per component
  };
  // The target of a symlink, seen from its directory.
  struct ResolvedSymlink {
    std::uint64_t generation;
    NodeId from, directory;
    int symlinks;   // followed, including this one
    Create create;  // if yes, the directories of its path are fresh
  };
  struct Xattrs {
    XattrList list;
    std::size_t names_size = 0;  // bytes including a NUL each
  };

  Status enter(Walk& walk, std::string_view name);
  Result<NodeId> find_or_create(NodeId directory, std::string_view name, Create create);
  Status follow(Walk& walk, NodeId symlink);
  void leave_symlink(Walk& walk);
  bool is_on_a_path(NodeId node) const;
  void white_out_link(NodeId directory, Children::iterator position, std::vector<NodeId>& below,
                      Loss::Cause cause);
  void white_out_below(std::vector<NodeId> directories, Loss::Cause cause);
  void record_loss(NodeId directory, std::string_view name, const Link& link, Loss::Cause cause,
                   bool is_with_content);

  std::string_view forbidden_;
  std::uint32_t layer_ = 0;
  std::uint64_t generation_ = 1;
  std::array<ResolvedPath, 2> resolved_paths_;  // by Create
  std::unordered_map<NodeId, ResolvedSymlink> resolved_symlinks_;
  std::uint64_t steps_ = 0;
  const MergeLimits limits_;
  std::uint64_t step_limit_ = 0;  // of steps_, for the current layer
  std::vector<Node> nodes_;
  std::vector<Xattrs> xattr_lists_;
  bool is_recording_ = false;
  std::vector<Loss> losses_;
};

}  // namespace layoutfs
