// The tree that layers are applied to.
#include "core/image/merge_tree.h"

#include <algorithm>
#include <utility>

namespace layoutfs {
namespace {

// As Linux resolves paths.
constexpr int kMaxLinks = 40;

// The path's first component, taken off it; empty for a leading '/'.
std::string_view take_component(std::string_view& path) {
  const auto slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return component;
}

}  // namespace

MergeTree::MergeTree(std::string_view forbidden) : forbidden_(forbidden), nodes_(1) {}

Result<MergeTree::NodeId> MergeTree::add_node(EntryType type) {
  if (nodes_.size() == kMaxEntries)
    return fail(Errc::unsupported, "more than " + std::to_string(kMaxEntries) + " files in an image");
  Node& node = nodes_.emplace_back();
  node.type = type;
  node.attributes_layer = layer_;
  return static_cast<NodeId>(nodes_.size() - 1);
}

void MergeTree::link(NodeId directory, std::string_view name, NodeId node) {
  const auto [position, is_new] = nodes_[directory].children.try_emplace(name, Link{node, layer_});
  if (is_new) return;
  // A directory, or a symlink on the way to one, may have been replaced.
  if (position->second.node != node) last_directory_ = kNone;
  position->second = Link{node, layer_};
}

MergeTree::NodeId MergeTree::find(NodeId directory, std::string_view name) const {
  const Children& children = nodes_[directory].children;
  const auto found = children.find(name);
  return found == children.end() ? kNone : found->second.node;
}

// Paths still to be walked are a stack: a symlink's target comes before what follows the symlink. `above` are
// the directories from the root to where the walk stands, for "..".
Result<MergeTree::NodeId> MergeTree::walk(std::string_view path, Create create) {
  std::vector<NodeId> above{kRoot};
  std::vector<std::string_view> pending{path};
  int links = 0;
  while (!pending.empty()) {
    if (pending.back().empty()) {
      pending.pop_back();
      continue;
    }
    const std::string_view name = take_component(pending.back());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (above.size() > 1) above.pop_back();
      continue;
    }
    const NodeId here = above.back();
    NodeId child = find(here, name);
    if (child == kNone) {
      if (create == Create::no) return kNone;
      // A symlink leads there.
      if (!forbidden_.empty() && name.starts_with(forbidden_))
        return fail(Errc::corrupt, "a parent has the name of a whiteout");
      const auto made = add_node(EntryType::directory);
      if (!made) return std::unexpected(made.error());
      child = *made;
      link(here, name, child);
    }
    const Node& node = nodes_[child];
    if (node.type == EntryType::directory) {
      // What the layer has something below is the layer's own.
      if (create == Create::yes) link(here, name, child);
      above.push_back(child);
    } else if (node.type == EntryType::symlink) {
      if (++links > kMaxLinks) return fail(Errc::corrupt, "too many symlinks");
      const std::string_view target = node.target;
      if (target.starts_with('/')) above.resize(1);
      pending.push_back(target);
    } else if (create == Create::yes) {
      return fail(Errc::corrupt, "a parent is not a directory");
    } else {
      return kNone;
    }
  }
  return above.back();
}

// A new name cannot change where a path leads that already led to a directory; another node in the place of
// an old one, a whiteout and another layer can.
Result<MergeTree::NodeId> MergeTree::walk_for_entry(std::string_view path) {
  if (last_directory_ != kNone && path == last_path_) return last_directory_;
  auto directory = walk(path, Create::yes);
  last_path_ = path;
  last_directory_ = directory ? *directory : kNone;
  return directory;
}

void MergeTree::set_xattr(NodeId node, std::string_view name, std::string_view value) {
  if (nodes_[node].xattrs == kNone) {
    nodes_[node].xattrs = static_cast<std::uint32_t>(xattr_lists_.size());
    xattr_lists_.emplace_back();
  }
  XattrList& list = xattr_lists_[nodes_[node].xattrs];
  const auto position = std::ranges::lower_bound(list, name, {}, &XattrList::value_type::first);
  if (position != list.end() && position->first == name)
    position->second = value;
  else
    list.emplace(position, name, value);
}

void MergeTree::clear_xattrs(NodeId node) {
  if (nodes_[node].xattrs != kNone) xattr_lists_[nodes_[node].xattrs].clear();
}

std::span<const std::pair<std::string_view, std::string_view>> MergeTree::xattrs(NodeId node) const {
  const std::uint32_t list = nodes_[node].xattrs;
  if (list == kNone) return {};
  return xattr_lists_[list];
}

void MergeTree::white_out(NodeId directory, std::string_view name) {
  last_directory_ = kNone;
  Children& children = nodes_[directory].children;
  const auto found = children.find(name);
  if (found == children.end()) return;
  std::vector<NodeId> below;
  white_out_link(children, found, below);
  white_out_below(std::move(below));
}

void MergeTree::white_out_all(NodeId directory) {
  last_directory_ = kNone;
  white_out_below({directory});
}

// Removes a name of a lower layer. A directory's name that the layer itself uses stays, and what is below it
// has its turn.
void MergeTree::white_out_link(Children& children, Children::iterator position, std::vector<NodeId>& below) {
  const Link link = position->second;
  if (link.layer != layer_) {
    children.erase(position);
    return;
  }
  Node& node = nodes_[link.node];
  if (node.type != EntryType::directory) return;
  if (node.attributes_layer != layer_) {  // the lower layer's directory is gone, this layer only implies one
    node.mode = 0755;
    node.uid = 0;
    node.gid = 0;
    node.mtime = {0, 0};
    clear_xattrs(link.node);
  }
  below.push_back(link.node);
}

// A directory is cleared once a layer: whatever is put there afterwards is fresh.
void MergeTree::white_out_below(std::vector<NodeId> directories) {
  while (!directories.empty()) {
    const NodeId directory = directories.back();
    directories.pop_back();
    if (std::exchange(nodes_[directory].cleared_layer, layer_) == layer_) continue;
    Children& children = nodes_[directory].children;
    for (auto position = children.begin(); position != children.end();) {
      const auto current = position++;
      white_out_link(children, current, directories);
    }
  }
}

}  // namespace layoutfs
