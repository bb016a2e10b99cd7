// Applies the entries of layers in order.
//
// Merge processes the layers from the base to the top, and the entries of a layer in the order of its tar.
// Each entry is one of
// - a whiteout, which removes links of lower layers from its directory;
// - a hard link, which gives an existing node another name, and the attributes of the entry;
// - a directory that exists already, which gets the attributes and keeps its children;
// - anything else: a new node, with a link that replaces an older one of that name.
// Nothing is copied: nodes refer to the entry with their content, and to texts of the layer indexes. After
// the last layer, write_tree numbers the nodes that have a name, and writes the tables.
//
// Invariants: an entry that cannot be applied changes nothing except that missing parents are created, and is
// recorded as a problem; whiteouts act on lower layers only, at any position in the tar; work is bounded in
// steps, see core/layer/limits.h.
#include "core/image/merge.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image_tree.h"
#include "core/image/merge_tree.h"
#include "core/image/tree_writer.h"
#include "core/image/whiteout_names.h"
#include "core/layer/limits.h"

namespace layoutfs {
namespace {

// The limit of Linux.
constexpr std::size_t kMaxTarget = 4095;

struct SplitPath {
  std::string_view parent, name;
};
SplitPath split(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Returns `path` for messages; a hostile one may have a megabyte.
std::string shown(std::string_view path) {
  constexpr std::size_t kMaxShown = 400;
  if (path.size() <= kMaxShown) return std::string(path);
  return std::string(path.substr(0, kMaxShown)) + "...";
}

class Merge {
 public:
  Merge(std::span<const std::shared_ptr<const LayerIndex>> layers, Whiteouts whiteouts,
        const MergeLimits& limits)
      : whiteouts_(whiteouts), tree_(limits, is_applied() ? kWhiteout : std::string_view()) {
    for (const auto& layer : layers) layers_.push_back(layer->entries());
  }

  Result<Bytes> run(const Digest& image) {
    if (auto applied = apply(); !applied) return fail(std::move(applied).error());
    if (problem_count_ > problems_.size()) {
      // The last problem states the number of omitted ones.
      const std::size_t left_out = problem_count_ - problems_.size() + 1;
      problems_.back() = "and " + std::to_string(left_out) + " more";
    }
    return write_tree(image, tree_, layers_, problems_);
  }
  Status apply() {
    for (layer_ = 0; layer_ < layers_.size(); ++layer_)
      if (auto applied = apply_layer(*layers_[layer_]); !applied) return applied;
    return {};
  }
  MergeTree& tree() { return tree_; }
  std::uint64_t steps() const { return tree_.steps(); }

 private:
  using NodeId = MergeTree::NodeId;

  bool is_applied() const { return whiteouts_ == Whiteouts::apply; }

  Status apply_layer(const LayerEntries& entries) {
    tree_.begin_layer(layer_, entries.size());
    whiteout_entries_.emplace(entries);
    whiteout_nodes_.clear();
    for (number_ = 0; number_ < entries.size(); ++number_) {
      const EntryView entry = entries.entry(number_);
      auto applied = apply(entry);
      tree_.spend(1);
      if (auto checked = tree_.check_steps(); !checked) applied = std::move(checked);
      if (applied) continue;
      if (applied.error().code() == Errc::unsupported)
        return fail(std::move(applied).error(), "layer " + std::to_string(layer_) + ": " + shown(entry.path));
      note(shown(entry.path) + ": " + applied.error().message());
    }
    return {};
  }

  void note(std::string problem) {
    if (++problem_count_ > ImageTree::kMaxProblems) return;
    if (problem.size() > kMaxProblemSize) problem.resize(kMaxProblemSize);
    problems_.push_back(std::move(problem));
  }

  Status apply(const EntryView& entry) {
    const auto [parent, name] = split(entry.path);
    // No directory has such a name, so it contains nothing; it is not a deletion either.
    if (is_applied() && has_whiteout_name(parent)) return {};
    if (has_long_name(entry.path)) return fail(Errc::corrupt, "file name exceeds 255 bytes");
    if (is_applied() && name.starts_with(kWhiteout)) return apply_whiteout(parent, name);
    return put(entry, parent, name);
  }

  Status apply_whiteout(std::string_view parent, std::string_view name) {
    const auto directory = tree_.walk(parent, MergeTree::Create::no);
    if (!directory) return std::unexpected(directory.error());
    if (*directory == MergeTree::kNone) return {};
    if (name == kOpaque)
      tree_.white_out_all(*directory);
    else if (!name.starts_with(kReserved))
      tree_.white_out(*directory, name.substr(kWhiteout.size()));
    return {};
  }

  static bool is_target_right(const EntryView& entry) {
    return entry.type != EntryType::symlink || (!entry.target.empty() && entry.target.size() <= kMaxTarget);
  }

  Status put(const EntryView& entry, std::string_view parent, std::string_view name) {
    if (name.empty()) {
      // The root is always a directory.
      return entry.type == EntryType::directory ? replace_attributes(MergeTree::kRoot, entry) : Status();
    }
    if (!is_target_right(entry))
      return fail(Errc::corrupt,
                  "invalid length of a symlink's target: " + std::to_string(entry.target.size()) + " bytes");
    const auto directory = tree_.walk(parent, MergeTree::Create::yes);
    if (!directory) return std::unexpected(directory.error());
    const auto node =
        entry.type == EntryType::hardlink ? link_target(entry) : node_for(entry, *directory, name);
    if (!node) return std::unexpected(node.error());
    tree_.link(*directory, name, *node);
    return {};
  }

  // An existing directory gets new attributes; everything else is new.
  Result<NodeId> node_for(const EntryView& entry, NodeId directory, std::string_view name) {
    const NodeId id = entry.type == EntryType::directory ? tree_.find(directory, name) : MergeTree::kNone;
    if (id == MergeTree::kNone || tree_.node(id).type != EntryType::directory)
      return new_node(entry, number_);
    if (auto replaced = replace_attributes(id, entry); !replaced) return fail(std::move(replaced).error());
    return id;
  }

  Result<NodeId> new_node(const EntryView& entry, std::uint32_t number) {
    const auto id = tree_.add_node(entry.type);
    if (!id) return id;
    MergeTree::Node& node = tree_.node(*id);
    if (entry.type != EntryType::directory) {
      node.layer = layer_;
      node.entry = number;
    }
    if (entry.type == EntryType::symlink) node.target = entry.target;
    if (auto replaced = replace_attributes(*id, entry); !replaced) return fail(std::move(replaced).error());
    return id;
  }

  // Returns kNone if it does not exist.
  Result<NodeId> node_at(std::string_view path) {
    const auto [parent, name] = split(path);
    const auto directory = tree_.walk(parent, MergeTree::Create::no);
    if (!directory) return directory;
    if (*directory == MergeTree::kNone || name.empty()) return MergeTree::kNone;
    return tree_.find(*directory, name);
  }

  // Cost of a lookup among up to kMaxEntries names.
  static constexpr std::uint64_t kWhiteoutSteps = 24;

  // Returns the file of an entry in this layer with a whiteout's name, which is never visible; kNone if there
  // is none. All hard links to the entry share one node.
  Result<NodeId> whiteout_node(std::string_view path) {
    for (std::uint32_t before = number_;;) {
      if (auto checked = tree_.check_steps(); !checked) return fail(std::move(checked).error());
      tree_.spend(kWhiteoutSteps);
      const auto number = whiteout_entries_->find(path, number_);
      if (!number || *number >= before) return MergeTree::kNone;
      const EntryView entry = layers_[layer_]->entry(*number);
      if (entry.type == EntryType::directory || !is_target_right(entry)) return MergeTree::kNone;
      if (entry.type != EntryType::hardlink) return new_whiteout_node(entry, *number);
      if (!has_whiteout_name(entry.target)) return node_at(entry.target);
      path = entry.target;
      before = *number;
    }
  }

  Result<NodeId> new_whiteout_node(const EntryView& entry, std::uint32_t number) {
    if (const auto known = whiteout_nodes_.find(number); known != whiteout_nodes_.end()) return known->second;
    const auto node = new_node(entry, number);
    if (node) whiteout_nodes_.emplace(number, *node);
    return node;
  }

  Result<NodeId> link_target(const EntryView& entry) {
    const auto found =
        is_applied() && has_whiteout_name(entry.target) ? whiteout_node(entry.target) : node_at(entry.target);
    if (!found) return found;
    const NodeId target = *found;
    if (target == MergeTree::kNone)
      return fail(Errc::corrupt, "hard link to " + shown(entry.target) + ", which does not exist");
    const EntryType type = tree_.node(target).type;
    if (type == EntryType::directory)
      return fail(Errc::corrupt, "hard link to " + shown(entry.target) + ", which is a directory");
    // The last entry of a file determines its attributes; a symlink has none that matter.
    if (type != EntryType::symlink) {
      if (auto added = add_xattrs(target, entry); !added) return fail(std::move(added).error());
      set_attributes(target, entry);
    }
    return target;
  }

  void set_attributes(NodeId id, const EntryView& entry) {
    MergeTree::Node& node = tree_.node(id);
    node.mode = entry.mode;
    node.uid = entry.uid;
    node.gid = entry.gid;
    node.mtime = entry.mtime;
    node.attributes_layer = layer_;
  }

  Status add_xattrs(NodeId id, const EntryView& entry) {
    for (std::uint32_t i = 0; i < entry.xattr_count; ++i) {
      const auto [name, value] = layers_[layer_]->xattr(entry.first_xattr + i);
      if (auto set = tree_.set_xattr(id, name, value); !set) return set;
    }
    return {};
  }

  // For a new node, or for a directory that occurs again.
  Status replace_attributes(NodeId id, const EntryView& entry) {
    set_attributes(id, entry);
    tree_.clear_xattrs(id);
    return add_xattrs(id, entry);
  }

  std::vector<std::shared_ptr<const LayerEntries>> layers_;
  const Whiteouts whiteouts_;
  MergeTree tree_;
  std::uint32_t layer_ = 0;                          // the current one
  std::uint32_t number_ = 0;                         // of the current entry
  std::optional<WhiteoutEntries> whiteout_entries_;  // of the current layer
  std::map<std::uint32_t, NodeId> whiteout_nodes_;   // by number of the entry
  std::vector<std::string> problems_;
  std::size_t problem_count_ = 0;
};

}  // namespace

Result<Bytes> merge_layers(const Digest& image, std::span<const std::shared_ptr<const LayerIndex>> layers,
                           Whiteouts whiteouts, const MergeLimits& limits, MergeCost* cost) {
  Merge merge(layers, whiteouts, limits);
  auto tree = merge.run(image);
  if (cost != nullptr) cost->steps = merge.steps();
  return tree;
}

Status with_merged_layers(std::span<const std::shared_ptr<const LayerIndex>> layers,
                          const std::function<Status(const MergeTree&)>& use, const MergeLimits& limits) {
  Merge merge(layers, Whiteouts::apply, limits);
  merge.tree().record_losses();
  if (auto applied = merge.apply(); !applied) return applied;
  return use(merge.tree());
}

}  // namespace layoutfs
