// Applying the entries of layers in order.
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

namespace layoutfs {
namespace {

// What Linux can hold.
constexpr std::size_t kMaxTarget = 4095;

struct SplitPath {
  std::string_view parent, name;
};
SplitPath split(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class Merge {
 public:
  Merge(std::span<const std::shared_ptr<const LayerIndex>> layers, Whiteouts whiteouts)
      : layers_(layers), whiteouts_(whiteouts) {}

  Result<Bytes> run(const Digest& image) {
    for (layer_ = 0; layer_ < layers_.size(); ++layer_) {
      tree_.begin_layer(layer_);
      const LayerIndex& index = *layers_[layer_];
      whiteout_entries_.emplace(index);
      whiteout_nodes_.clear();
      for (number_ = 0; number_ < index.entry_count(); ++number_) {
        const EntryView entry = index.entry(number_);
        auto applied = apply(entry);
        if (applied) continue;
        if (applied.error().code() == Errc::unsupported) return std::unexpected(std::move(applied).error());
        note(std::string(entry.path) + ": " + applied.error().message());
      }
    }
    if (problem_count_ > problems_.size()) {
      // The last place says how many there was no room for.
      const std::size_t left_out = problem_count_ - problems_.size() + 1;
      problems_.back() = "and " + std::to_string(left_out) + " more";
    }
    return write_tree(image, tree_, layers_, problems_);
  }

 private:
  using NodeId = MergeTree::NodeId;

  void note(std::string problem) {
    if (++problem_count_ <= ImageTree::kMaxProblems) problems_.push_back(std::move(problem));
  }

  Status apply(const EntryView& entry) {
    const auto [parent, name] = split(entry.path);
    const bool is_applied = whiteouts_ == Whiteouts::apply;
    // No directory has such a name, so nothing is in one; nor is it a deletion of anything.
    if (is_applied && has_whiteout_name(parent)) return {};
    if (has_long_name(entry.path)) return fail(Errc::corrupt, "a name of more than 255 bytes");
    if (is_applied && name.starts_with(kWhiteout)) return apply_whiteout(parent, name);
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
      if (entry.type == EntryType::directory) replace_attributes(MergeTree::kRoot, entry);
      return {};  // the root is a directory, whatever an entry says
    }
    if (!is_target_right(entry))
      return fail(Errc::corrupt, "a symlink's target of " + std::to_string(entry.target.size()) + " bytes");
    const auto directory = tree_.walk_for_entry(parent);
    if (!directory) return std::unexpected(directory.error());
    const auto node =
        entry.type == EntryType::hardlink ? link_target(entry) : node_for(entry, *directory, name);
    if (!node) return std::unexpected(node.error());
    tree_.link(*directory, name, *node);
    return {};
  }

  // A directory over a directory is the same one with other attributes; everything else is new.
  Result<NodeId> node_for(const EntryView& entry, NodeId directory, std::string_view name) {
    const NodeId id = entry.type == EntryType::directory ? tree_.find(directory, name) : MergeTree::kNone;
    if (id == MergeTree::kNone || tree_.node(id).type != EntryType::directory)
      return new_node(entry, number_);
    replace_attributes(id, entry);
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
    replace_attributes(*id, entry);
    return id;
  }

  // kNone if nothing is there.
  Result<NodeId> node_at(std::string_view path) {
    const auto [parent, name] = split(path);
    const auto directory = tree_.walk(parent, MergeTree::Create::no);
    if (!directory) return directory;
    if (*directory == MergeTree::kNone || name.empty()) return MergeTree::kNone;
    return tree_.find(*directory, name);
  }

  // The file that an entry of this layer describes under a name that never shows; kNone if there is none. All
  // hard links to the entry share one node.
  Result<NodeId> whiteout_node(std::string_view path) {
    for (std::uint32_t before = number_;;) {
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
    const auto found = whiteouts_ == Whiteouts::apply && has_whiteout_name(entry.target)
                           ? whiteout_node(entry.target)
                           : node_at(entry.target);
    if (!found) return found;
    const NodeId target = *found;
    if (target == MergeTree::kNone)
      return fail(Errc::corrupt, "hard link to " + std::string(entry.target) + ", which is not there");
    const EntryType type = tree_.node(target).type;
    if (type == EntryType::directory)
      return fail(Errc::corrupt, "hard link to " + std::string(entry.target) + ", which is a directory");
    // The last entry for a file says what it is like; a symlink has no attributes to speak of.
    if (type != EntryType::symlink) {
      set_attributes(target, entry);
      add_xattrs(target, entry);
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

  void add_xattrs(NodeId id, const EntryView& entry) {
    for (std::uint32_t i = 0; i < entry.xattr_count; ++i) {
      const auto [name, value] = layers_[layer_]->xattr(entry.first_xattr + i);
      tree_.set_xattr(id, name, value);
    }
  }

  // Of an entry for something new, or for a directory that is described again.
  void replace_attributes(NodeId id, const EntryView& entry) {
    set_attributes(id, entry);
    tree_.clear_xattrs(id);
    add_xattrs(id, entry);
  }

  std::span<const std::shared_ptr<const LayerIndex>> layers_;
  const Whiteouts whiteouts_;
  MergeTree tree_{whiteouts_ == Whiteouts::apply ? kWhiteout : std::string_view()};
  std::uint32_t layer_ = 0;                          // that is being applied
  std::uint32_t number_ = 0;                         // of the entry in it
  std::optional<WhiteoutEntries> whiteout_entries_;  // of the layer
  std::map<std::uint32_t, NodeId> whiteout_nodes_;   // by the number of the entry
  std::vector<std::string> problems_;
  std::size_t problem_count_ = 0;
};

}  // namespace

Result<Bytes> merge_layers(const Digest& image, std::span<const std::shared_ptr<const LayerIndex>> layers,
                           Whiteouts whiteouts) {
  return Merge(layers, whiteouts).run(image);
}

}  // namespace layoutfs
