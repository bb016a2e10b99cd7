// Writes tree files.
#include "core/image/tree_writer.h"

#include <algorithm>

#include "core/image/image_tree_generated.h"
#include "core/image/tree_format.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"
#include "core/layer/text_pool.h"

namespace layoutfs {
namespace {

using NodeId = MergeTree::NodeId;

class TreeWriter {
 public:
  TreeWriter(const MergeTree& tree, std::span<const std::shared_ptr<const LayerEntries>> layers)
      : tree_(tree), layers_(layers), numbers_(tree.node_count()) {
    // Nearly every node is written, with one name.
    order_.reserve(tree.node_count());
    nlinks_.reserve(tree.node_count());
    inodes_.reserve(tree.node_count());
    entries_.reserve(tree.node_count());
  }

  Result<Bytes> write(const Digest& image, const std::vector<std::string>& problems) {
    number(MergeTree::kRoot, 0);
    // Grows during the loop: every directory appends its children that have no number yet.
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (auto added = add_inode(i); !added) return std::unexpected(std::move(added).error());
      if (auto checked = check_size(); !checked) return std::unexpected(std::move(checked).error());
    }
    for (std::size_t i = 0; i < inodes_.size(); ++i) inodes_[i].mutate_nlink(nlinks_[i]);
    return seal(image, problems);
  }

 private:
  std::size_t size() const {
    return inodes_.size() * sizeof(image_file::Inode) + entries_.size() * sizeof(image_file::Entry) +
           extents_.size() * sizeof(image_file::Extent) + xattrs_.size() * sizeof(image_file::Xattr) +
           pool_.bytes().size();
  }

  // Check while the tables grow: a FlatBuffer beyond its limit would abort the program.
  Status check_size() const {
    constexpr std::size_t kSizeLimit = std::size_t{1900} << 20;
    if (size() > kSizeLimit) return fail(Errc::unsupported, "the image's tables would outgrow 2 GiB");
    return {};
  }

  std::uint32_t number(NodeId node, std::uint32_t parent) {
    std::uint32_t& own = numbers_[node];
    if (own == 0) {
      own = static_cast<std::uint32_t>(order_.size() + 1);
      order_.push_back({node, parent == 0 ? own : parent});
      nlinks_.push_back(0);
    }
    return own;
  }

  image_file::Text text(std::string_view value) { return pool_.add<image_file::Text>(value); }
  // Targets and xattrs repeat, and a layer index stores each once.
  image_file::Text shared_text(std::string_view value) { return pool_.add_shared<image_file::Text>(value); }

  Status add_inode(std::size_t position) {
    const auto [id, parent] = order_[position];
    const MergeTree::Node& node = tree_.node(id);
    const auto first_xattr = static_cast<std::uint32_t>(xattrs_.size());
    for (const auto& [name, value] : tree_.xattrs(id)) {
      if (auto checked = check_size(); !checked) return checked;
      xattrs_.emplace_back(shared_text(name), shared_text(value));
    }
    Content content;
    if (node.type == EntryType::directory) {
      content.place = add_children(node, position);
    } else {
      content = content_of(node);
    }
    inodes_.emplace_back(content.size, content.stored, content.place, node.mtime.seconds,
                         node.mtime.nanoseconds, node.uid, node.gid, 0U, node.layer,
                         node.type == EntryType::symlink ? shared_text(node.target) : image_file::Text(0, 0),
                         first_xattr, static_cast<std::uint32_t>(xattrs_.size()) - first_xattr, parent,
                         static_cast<std::uint16_t>(node.mode), static_cast<std::uint8_t>(node.type),
                         static_cast<std::uint8_t>(content.is_sparse));
    return {};
  }

  std::uint64_t add_children(const MergeTree::Node& directory, std::size_t position) {
    const auto first = static_cast<std::uint32_t>(entries_.size());
    const auto self = static_cast<std::uint32_t>(position + 1);
    nlinks_[position] += 2;  // its own name and its "."
    for (const auto& [name, link] : directory.children) {
      const std::uint32_t child = number(link.node, self);
      entries_.emplace_back(text(name), child);
      if (tree_.node(link.node).type == EntryType::directory)
        ++nlinks_[position];  // the child's ".."
      else
        ++nlinks_[child - 1];
    }
    return join_halves(first, static_cast<std::uint32_t>(entries_.size()) - first);
  }

  struct Content {
    std::uint64_t size = 0, stored = 0, place = 0;
    bool is_sparse = false;
  };

  Content content_of(const MergeTree::Node& node) {
    const EntryView entry = layers_[node.layer]->entry(node.entry);
    switch (node.type) {
      case EntryType::symlink:
        return {.size = node.target.size()};
      case EntryType::character:
      case EntryType::block:
        return {.place = join_halves(entry.device_major, entry.device_minor)};
      case EntryType::file:
        if (!entry.is_sparse) return {.size = entry.size, .stored = entry.size, .place = entry.stream_offset};
        return sparse_content_of(entry);
      default:
        return {};
    }
  }

  Content sparse_content_of(const EntryView& entry) {
    Content content{.size = entry.size,
                    .place = join_halves(static_cast<std::uint32_t>(extents_.size()),
                                         static_cast<std::uint32_t>(entry.extents.size())),
                    .is_sparse = true};
    for (const Extent& extent : entry.extents) {
      extents_.emplace_back(extent.offset, extent.size, extent.stream_offset);
      content.stored += extent.size;
    }
    return content;
  }

  Result<Bytes> seal(const Digest& image, const std::vector<std::string>& problems) {
    flatbuffers::FlatBufferBuilder builder(size() + 4096);
    const auto inodes = builder.CreateVectorOfStructs(inodes_);
    const auto entries = builder.CreateVectorOfStructs(entries_);
    const auto extents = builder.CreateVectorOfStructs(extents_);
    const auto xattrs = builder.CreateVectorOfStructs(xattrs_);
    const auto pool = builder.CreateVector(reinterpret_cast<const std::uint8_t*>(pool_.bytes().data()),
                                           pool_.bytes().size());
    const auto sentences = builder.CreateVectorOfStrings(problems);
    builder.Finish(image_file::CreateImageFile(builder, static_cast<std::uint32_t>(layers_.size()), inodes,
                                               entries, extents, xattrs, pool, sentences));
    return seal_table_file(TableKind::image_tree, kImageTreeVersion, image,
                           std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
  }

  struct Numbered {
    NodeId node;
    std::uint32_t parent;  // number of the directory in which it was found
  };
  const MergeTree& tree_;
  std::span<const std::shared_ptr<const LayerEntries>> layers_;
  std::vector<std::uint32_t> numbers_;  // by node; 0: none yet
  std::vector<Numbered> order_;
  std::vector<std::uint32_t> nlinks_;  // in the order of inodes_
  std::vector<image_file::Inode> inodes_;
  std::vector<image_file::Entry> entries_;
  std::vector<image_file::Extent> extents_;
  std::vector<image_file::Xattr> xattrs_;
  TextPool pool_;
};

}  // namespace

Result<Bytes> write_tree(const Digest& image, const MergeTree& tree,
                         std::span<const std::shared_ptr<const LayerEntries>> layers,
                         const std::vector<std::string>& problems) {
  return TreeWriter(tree, layers).write(image, problems);
}

}  // namespace layoutfs
