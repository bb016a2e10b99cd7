// The tree to which layers are applied.
#include "core/image/merge_tree.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "core/base/beneath.h"
#include "core/image/whiteout_names.h"
#include "core/layer/limits.h"

namespace layoutfs {
namespace {

// Removes the first component from `path`; it is empty for a leading '/'.
std::string_view take_component(std::string_view& path) {
  const auto slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return component;
}

// Returns the steps of a lookup among `count` names.
std::uint64_t lookup_steps(std::size_t count) {
  return static_cast<std::uint64_t>(std::bit_width(count)) + 1;
}

}  // namespace

// A walk in progress. Remaining paths form a stack: the target of a symlink comes before the components after
// the symlink.
struct MergeTree::Walk {
  struct Text {
    std::string_view rest;
    NodeId symlink;  // the symlink with this target; kNone for the path itself
    NodeId from;     // the directory of the symlink
    int symlinks;    // followed before it
  };
  const Create create;
  NodeId here = kRoot;  // kNone if the path does not exist
  int symlinks = 0;     // followed so far
  std::vector<Text> texts;
};

MergeTree::MergeTree(const MergeLimits& limits, std::string_view forbidden)
    : forbidden_(forbidden), limits_(limits), nodes_(1) {}

void MergeTree::begin_layer(std::uint32_t layer, std::size_t entry_count) {
  layer_ = layer;
  ++generation_;
  resolved_symlinks_.clear();
  step_limit_ =
      std::min(steps_ + limits_.layer_steps + entry_count * limits_.entry_steps, limits_.image_steps);
}

Status MergeTree::check_steps() const {
  if (steps_ <= step_limit_) return {};
  return fail(Errc::unsupported, step_limit_ == limits_.image_steps
                                     ? "merging the layers takes too many steps"
                                     : "merging the layer takes too many steps");
}

Result<MergeTree::NodeId> MergeTree::add_node(EntryType type) {
  if (nodes_.size() == kMaxEntries)
    return fail(Errc::unsupported, "more than " + std::to_string(kMaxEntries) + " files in an image");
  Node& node = nodes_.emplace_back();
  node.type = type;
  node.attributes_layer = layer_;
  return static_cast<NodeId>(nodes_.size() - 1);
}

// Returns whether a resolved path may include the node: a directory, or a symlink that was followed.
bool MergeTree::is_on_a_path(NodeId node) const {
  return nodes_[node].type == EntryType::directory || resolved_symlinks_.contains(node);
}

void MergeTree::link(NodeId directory, std::string_view name, NodeId node) {
  Children& children = nodes_[directory].children;
  spend(lookup_steps(children.size()));
  const auto [position, is_new] = children.try_emplace(name, Link{node, layer_});
  if (nodes_[node].type == EntryType::directory) nodes_[node].parent = directory;
  if (is_new) return;
  if (position->second.node != node) {
    if (is_on_a_path(position->second.node)) ++generation_;
    record_loss(directory, position->first, position->second, Loss::Cause::replaced, true);
  }
  position->second = Link{node, layer_};
}

MergeTree::NodeId MergeTree::find(NodeId directory, std::string_view name) {
  const Children& children = nodes_[directory].children;
  spend(lookup_steps(children.size()));
  const auto found = children.find(name);
  return found == children.end() ? kNone : found->second.node;
}

Result<MergeTree::NodeId> MergeTree::walk(std::string_view path, Create create) {
  ResolvedPath& resolved = resolved_paths_[static_cast<std::size_t>(create)];
  std::vector<Level>& levels = resolved.levels;
  if (resolved.generation != generation_) levels.clear();
  const auto equal = static_cast<std::size_t>(std::ranges::mismatch(path, resolved.path).in1 - path.begin());
  const auto ends_in_both = [&](std::size_t end) {
    return end <= equal && (end == path.size() || path[end] == '/');
  };
  while (!levels.empty() && !ends_in_both(levels.back().end)) levels.pop_back();
  resolved.generation = generation_;
  resolved.path = path;

  Walk walk{.create = create};
  std::size_t begin = 0;
  if (!levels.empty()) {
    walk.here = levels.back().directory;
    walk.symlinks = levels.back().symlinks;
    begin = std::min(levels.back().end + 1, path.size());
  }
  walk.texts.push_back({path.substr(begin), kNone, kNone, 0});
  while (walk.here != kNone && !walk.texts.empty()) {
    if (walk.texts.back().rest.empty()) {
      leave_symlink(walk);
    } else if (auto entered = enter(walk, take_component(walk.texts.back().rest)); !entered) {
      return fail(std::move(entered).error());
    }
    if (walk.here == kNone || walk.texts.size() != 1) continue;
    const std::string_view rest = walk.texts.front().rest;
    const std::size_t end = path.size() - rest.size() - (rest.empty() && !path.ends_with('/') ? 0 : 1);
    if (levels.empty() || levels.back().end < end) levels.push_back({end, walk.here, walk.symlinks});
  }
  return walk.here;
}

// Moves from walk.here to `name` in it.
Status MergeTree::enter(Walk& walk, std::string_view name) {
  spend(1);
  if (name.empty() || name == ".") return check_steps();
  if (name == "..") {
    walk.here = nodes_[walk.here].parent;
    return check_steps();
  }
  const auto child = find_or_create(walk.here, name, walk.create);
  if (!child) return fail(Error(child.error()));
  if (auto checked = check_steps(); !checked) return checked;
  if (*child == kNone || nodes_[*child].type == EntryType::directory) {
    walk.here = *child;
    return {};
  }
  if (nodes_[*child].type == EntryType::symlink) return follow(walk, *child);
  if (walk.create == Create::yes) return fail(Errc::corrupt, "a parent is not a directory");
  walk.here = kNone;
  return {};
}

// With Create::yes, marks an existing directory as fresh: the layer's content below it belongs to the layer.
Result<MergeTree::NodeId> MergeTree::find_or_create(NodeId directory, std::string_view name, Create create) {
  Children& children = nodes_[directory].children;
  spend(lookup_steps(children.size()));
  if (const auto found = children.find(name); found != children.end()) {
    const NodeId child = found->second.node;
    if (create == Create::yes && nodes_[child].type == EntryType::directory) found->second.layer = layer_;
    return child;
  }
  if (create == Create::no) return kNone;
  // The path may come from a symlink, so its components were not checked.
  if (!forbidden_.empty() && name.starts_with(forbidden_))
    return fail(Errc::corrupt, "a parent has a whiteout's name");
  if (has_long_name(name)) return fail(Errc::corrupt, "file name exceeds 255 bytes");
  const auto made = add_node(EntryType::directory);
  if (made) link(directory, name, *made);
  return made;
}

Status MergeTree::follow(Walk& walk, NodeId symlink) {
  const auto known = resolved_symlinks_.find(symlink);
  if (known != resolved_symlinks_.end()) {
    const ResolvedSymlink& to = known->second;
    if (to.generation == generation_ && to.from == walk.here && to.create >= walk.create) {
      walk.symlinks += to.symlinks;
      if (walk.symlinks > kMaxLinks) return fail(Errc::corrupt, "too many symlinks");
      walk.here = to.directory;
      return {};
    }
  }
  // Register it before its target is known, so that a replacement is noticed.
  if (known == resolved_symlinks_.end())
    resolved_symlinks_.emplace(symlink, ResolvedSymlink{0, kNone, kNone, 0, Create::no});
  if (++walk.symlinks > kMaxLinks) return fail(Errc::corrupt, "too many symlinks");
  const std::string_view target = nodes_[symlink].target;
  walk.texts.push_back({target, symlink, walk.here, walk.symlinks - 1});
  if (target.starts_with('/')) walk.here = kRoot;
  return {};
}

void MergeTree::leave_symlink(Walk& walk) {
  const Walk::Text text = walk.texts.back();
  walk.texts.pop_back();
  if (text.symlink == kNone) return;
  resolved_symlinks_[text.symlink] = {generation_, text.from, walk.here, walk.symlinks - text.symlinks,
                                      walk.create};
}

Status MergeTree::set_xattr(NodeId node, std::string_view name, std::string_view value) {
  if (nodes_[node].xattrs == kNone) {
    nodes_[node].xattrs = static_cast<std::uint32_t>(xattr_lists_.size());
    xattr_lists_.emplace_back();
  }
  auto& [list, names_size] = xattr_lists_[nodes_[node].xattrs];
  const auto position = std::ranges::lower_bound(list, name, {}, &XattrList::value_type::first);
  constexpr std::uint64_t kMovedInAStep = 16;
  spend(lookup_steps(list.size()) + static_cast<std::uint64_t>(list.end() - position) / kMovedInAStep);
  if (position != list.end() && position->first == name) {
    position->second = value;
    return {};
  }
  if (names_size + name.size() + 1 > kMaxXattrNames)
    return fail(Errc::corrupt, "the names of the xattrs of one file take more than " +
                                   std::to_string(kMaxXattrNames >> 10) + " KiB");
  names_size += name.size() + 1;
  list.emplace(position, name, value);
  return {};
}

void MergeTree::clear_xattrs(NodeId node) {
  if (nodes_[node].xattrs != kNone) xattr_lists_[nodes_[node].xattrs] = {};
}

std::span<const std::pair<std::string_view, std::string_view>> MergeTree::xattrs(NodeId node) const {
  const std::uint32_t xattrs = nodes_[node].xattrs;
  if (xattrs == kNone) return {};
  return xattr_lists_[xattrs].list;
}

void MergeTree::white_out(NodeId directory, std::string_view name) {
  Children& children = nodes_[directory].children;
  spend(lookup_steps(children.size()));
  const auto found = children.find(name);
  if (found == children.end()) return;
  std::vector<NodeId> below;
  white_out_link(directory, found, below, Loss::Cause::whiteout);
  white_out_below(std::move(below), Loss::Cause::whiteout);
}

void MergeTree::white_out_all(NodeId directory) { white_out_below({directory}, Loss::Cause::opaque); }

void MergeTree::record_loss(NodeId directory, std::string_view name, const Link& link, Loss::Cause cause,
                            bool is_with_content) {
  if (!is_recording_) return;
  const Node& node = nodes_[link.node];
  const bool is_directory = node.type == EntryType::directory;
  const std::uint32_t had_by = is_directory ? node.attributes_layer : link.layer;
  // A directory of this layer may have content of lower ones.
  if (had_by == layer_ && !(is_directory && is_with_content)) return;
  losses_.push_back({directory, name, link.node, had_by, layer_, cause, is_directory && is_with_content});
}

// Removes a name of a lower layer. A directory's name that the layer itself uses stays; its content is
// processed later.
void MergeTree::white_out_link(NodeId directory, Children::iterator position, std::vector<NodeId>& below,
                               Loss::Cause cause) {
  spend(1);
  const Link link = position->second;
  if (link.layer != layer_) {
    if (is_on_a_path(link.node)) ++generation_;
    record_loss(directory, position->first, link, cause, true);
    nodes_[directory].children.erase(position);
    return;
  }
  Node& node = nodes_[link.node];
  if (node.type != EntryType::directory) return;
  if (node.attributes_layer != layer_) {  // the lower layer's directory is removed, this layer only implies
                                          // one
    record_loss(directory, position->first, link, cause, false);
    node.mode = 0755;
    node.uid = 0;
    node.gid = 0;
    node.mtime = {0, 0};
    node.attributes_layer = layer_;
    clear_xattrs(link.node);
  }
  below.push_back(link.node);
}

// Clear a directory once per layer: later entries in it are fresh.
void MergeTree::white_out_below(std::vector<NodeId> directories, Loss::Cause cause) {
  while (!directories.empty()) {
    const NodeId directory = directories.back();
    directories.pop_back();
    if (std::exchange(nodes_[directory].cleared_layer, layer_) == layer_) continue;
    Children& children = nodes_[directory].children;
    for (auto position = children.begin(); position != children.end();) {
      const auto current = position++;
      white_out_link(directory, current, directories, cause);
    }
  }
}

}  // namespace layoutfs
