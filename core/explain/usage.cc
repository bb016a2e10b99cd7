#include "core/explain/usage.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/check.h"
#include "core/layer/data_offset.h"

namespace layoutfs {
namespace {

// Returns the bytes of a file in the layer's stream.
std::uint64_t stored_bytes(const EntryView& entry) {
  if (!entry.is_sparse) return entry.size;
  std::uint64_t bytes = 0;
  for (const Extent& extent : entry.extents) bytes += extent.size;
  return bytes;
}

// Returns the offsets of the contents in the root filesystem, for each layer.
std::vector<std::unordered_set<std::uint64_t>> visible_offsets(const ImageTree& tree, std::size_t layers) {
  std::vector<std::unordered_set<std::uint64_t>> offsets(layers);
  for (Inode number = kRootInode; number <= tree.inode_count(); ++number) {
    const InodeView file = tree.inode(number);
    if (const auto offset = data_offset(file)) offsets[file.layer].insert(*offset);
  }
  return offsets;
}

// Joins the entries of each path. `files` has one copy each.
std::vector<WastedFile> join_paths(std::vector<WastedFile> files) {
  std::ranges::sort(files, {}, &WastedFile::path);
  std::size_t joined = 0;
  for (const WastedFile& file : files) {
    if (joined > 0 && files[joined - 1].path == file.path) {
      WastedFile& same = files[joined - 1];
      same.bytes += file.bytes;
      same.copies += file.copies;
      same.layer = std::max(same.layer, file.layer);
    } else {
      files[joined++] = file;
    }
  }
  files.resize(joined);
  std::ranges::sort(files, [](const WastedFile& a, const WastedFile& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
  });
  return files;
}

}  // namespace

ImageUsage usage_of(const ImageTree& tree, std::span<const std::shared_ptr<const LayerEntries>> layers) {
  check(layers.size() == tree.layer_count(), "the entries are those of the tree's layers");
  const auto visible = visible_offsets(tree, layers.size());
  ImageUsage usage;
  for (std::uint32_t number = 0; number < layers.size(); ++number) {
    LayerUsage layer;
    for (std::size_t i = 0; i < layers[number]->size(); ++i) {
      const EntryView entry = layers[number]->entry(i);
      const auto offset = data_offset(entry);
      if (!offset) continue;
      const std::uint64_t bytes = stored_bytes(entry);
      layer.bytes += bytes;
      if (visible[number].contains(*offset))
        layer.visible += bytes;
      else
        usage.wasted.push_back({.path = entry.path, .bytes = bytes, .copies = 1, .layer = number});
    }
    usage.all.bytes += layer.bytes;
    usage.all.visible += layer.visible;
    usage.layers.push_back(layer);
  }
  usage.wasted = join_paths(std::move(usage.wasted));
  return usage;
}

DirectorySizes::DirectorySizes(const ImageTree& tree, Inode start, std::optional<std::uint32_t> only_layer)
    : tree_(tree) {
  std::unordered_set<Inode> counted;  // files with several names
  const auto add = [&](std::string_view name, Inode inode, std::uint32_t parent, std::uint32_t depth) {
    const InodeView view = tree.inode(inode);
    Row row{.name = name,
            .inode = inode,
            .parent = parent,
            .depth = depth,
            .is_directory = view.type == EntryType::directory};
    if (!row.is_directory) {
      if (view.type != EntryType::file || (only_layer && view.layer != *only_layer)) return;
      if (view.nlink > 1 && !counted.insert(inode).second) return;
      row.bytes = view.stored;
      row.files = 1;
    }
    rows_.push_back(row);
  };
  add("", start, 0, 0);
  // Grows during the loop: each directory appends its children.
  for (std::size_t position = 0; position < rows_.size(); ++position) {
    if (!rows_[position].is_directory) continue;
    const auto first = rows_.size();
    const Inode directory = rows_[position].inode;
    const std::uint32_t depth = rows_[position].depth + 1;
    for (std::size_t rank = 0; rank < tree.child_count(directory); ++rank) {
      const DirectoryEntry child = tree.child(directory, rank);
      add(child.name, child.inode, static_cast<std::uint32_t>(position), depth);
    }
    rows_[position].first_child = static_cast<std::uint32_t>(first);
    rows_[position].child_count = static_cast<std::uint32_t>(rows_.size() - first);
  }
  for (std::size_t position = rows_.size(); position-- > 1;) {
    Row& parent = rows_[rows_[position].parent];
    parent.bytes += rows_[position].bytes;
    parent.files += rows_[position].files;
  }
}

std::string DirectorySizes::path(std::size_t row) const {
  std::vector<std::string_view> names;
  for (; row != 0; row = rows_[row].parent) names.push_back(rows_[row].name);
  std::string path;
  for (std::size_t i = names.size(); i-- > 0;) {
    path += names[i];
    if (i > 0) path += '/';
  }
  return path;
}

std::vector<std::vector<LayerBytes>> DirectorySizes::bytes_by_layer(std::size_t max_depth) const {
  const auto add = [](std::vector<LayerBytes>& to, const LayerBytes& more) {
    const auto at = std::ranges::lower_bound(to, more.layer, {}, &LayerBytes::layer);
    if (at != to.end() && at->layer == more.layer)
      at->bytes += more.bytes;
    else
      to.insert(at, more);
  };
  // The rows up to a depth come first.
  const auto end = std::ranges::find_if(rows_, [&](const Row& row) { return row.depth > max_depth; });
  std::vector<std::vector<LayerBytes>> tables(static_cast<std::size_t>(end - rows_.begin()));
  std::vector<std::uint32_t> counted_at(rows_.size());  // the row of a table
  for (std::size_t position = 0; position < rows_.size(); ++position) {
    const Row& row = rows_[position];
    counted_at[position] =
        position < tables.size() ? static_cast<std::uint32_t>(position) : counted_at[row.parent];
    if (!row.is_directory && row.bytes > 0)
      add(tables[counted_at[position]], {.layer = tree_.inode(row.inode).layer, .bytes = row.bytes});
  }
  for (std::size_t position = tables.size(); position-- > 1;)
    for (const LayerBytes& bytes : tables[position]) add(tables[rows_[position].parent], bytes);
  return tables;
}

}  // namespace layoutfs
