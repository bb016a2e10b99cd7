// Reads tree files in place. They are validated once, on opening.
#include "core/image/image_tree.h"

#include <algorithm>

#include "core/image/image_tree_generated.h"
#include "core/image/tree_format.h"
#include "core/layer/layer_tables.h"
#include "core/layer/table_file.h"
#include "core/tar/posix_acl.h"

namespace layoutfs {
namespace {

using image_file::ImageFile;

template <class T, class Stored>
std::span<const T> in_place(const flatbuffers::Vector<const Stored*>* vector) {
  static_assert(sizeof(T) == sizeof(Stored) && alignof(T) == alignof(Stored));
  if (vector == nullptr) return {};
  return {reinterpret_cast<const T*>(vector->Data()), vector->size()};
}

std::string_view text_of(const flatbuffers::Vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.size()};
}

bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace

struct ImageTree::State {
  SharedBytes file;
  std::uint32_t layer_count;
  std::span<const image_file::Inode> inodes;
  std::span<const image_file::Entry> entries;
  std::span<const Extent> extents;
  std::span<const image_file::Xattr> xattrs;
  std::string_view pool;
  const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* problems;

  std::string_view text(const image_file::Text& text) const {
    return {pool.data() + text.offset(), text.size()};
  }
  bool has(const image_file::Text& text) const { return is_inside(text.offset(), text.size(), pool.size()); }
  const image_file::Inode& at(Inode inode) const { return inodes[inode - 1]; }
  // Of a directory.
  std::span<const image_file::Entry> children(const image_file::Inode& directory) const {
    return entries.subspan(upper_half(directory.place()), lower_half(directory.place()));
  }

  bool is_consistent(std::size_t position) const;
  bool children_are_consistent(std::size_t position) const;
  bool extents_are_consistent(const image_file::Inode& inode) const;
  bool is_consistent() const;
};

// A directory has exactly one name, in its parent, so there are no cycles.
bool ImageTree::State::children_are_consistent(std::size_t position) const {
  const image_file::Inode& directory = inodes[position];
  if (!is_inside(upper_half(directory.place()), lower_half(directory.place()), entries.size())) return false;
  for (const image_file::Entry& entry : children(directory)) {
    if (!has(entry.name()) || entry.inode() == 0 || entry.inode() > inodes.size()) return false;
    const image_file::Inode& child = at(entry.inode());
    if (child.type() != static_cast<std::uint8_t>(EntryType::directory)) continue;
    if (child.parent() != position + 1 || entry.inode() <= position + 1) return false;
  }
  return true;
}

bool ImageTree::State::extents_are_consistent(const image_file::Inode& inode) const {
  if (!is_inside(upper_half(inode.place()), lower_half(inode.place()), extents.size())) return false;
  std::uint64_t end = 0;
  for (const Extent& extent : extents.subspan(upper_half(inode.place()), lower_half(inode.place()))) {
    if (extent.offset < end || extent.size == 0 || !is_inside(extent.offset, extent.size, inode.size()))
      return false;
    if (extent.stream_offset > UINT64_MAX - extent.size) return false;
    end = extent.offset + extent.size;
  }
  return true;
}

bool ImageTree::State::is_consistent(std::size_t position) const {
  const image_file::Inode& inode = inodes[position];
  if (inode.type() > static_cast<std::uint8_t>(EntryType::fifo)) return false;
  const auto type = static_cast<EntryType>(inode.type());
  if (type == EntryType::hardlink || inode.mode() > 07777 || inode.nanoseconds() > 999'999'999) return false;
  if (inode.is_sparse() > (type == EntryType::file ? 1 : 0)) return false;
  if (!has(inode.target()) || !is_inside(inode.first_xattr(), inode.xattr_count(), xattrs.size()))
    return false;
  if (inode.parent() == 0 || inode.parent() > inodes.size()) return false;
  switch (type) {
    case EntryType::directory:
      return children_are_consistent(position);
    case EntryType::file:
      if (inode.layer() >= layer_count || inode.stored() > inode.size()) return false;
      if (inode.is_sparse() != 0) return extents_are_consistent(inode);
      return inode.place() <= UINT64_MAX - inode.size();
    default:
      return true;
  }
}

bool ImageTree::State::is_consistent() const {
  if (!is_aligned(inodes) || !is_aligned(entries) || !is_aligned(extents) || !is_aligned(xattrs))
    return false;
  if (inodes.empty() || inodes[0].type() != static_cast<std::uint8_t>(EntryType::directory)) return false;
  for (const auto& xattr : xattrs)
    if (!has(xattr.name()) || !has(xattr.value())) return false;
  for (std::size_t position = 0; position < inodes.size(); ++position)
    if (!is_consistent(position)) return false;
  return true;
}

ImageTree::ImageTree(std::unique_ptr<const State> state) : state_(std::move(state)) {}
ImageTree::~ImageTree() = default;

Result<std::shared_ptr<const ImageTree>> ImageTree::open(SharedBytes file, const Digest& image) {
  const auto payload = open_table_file(file.bytes, TableKind::image_tree, kImageTreeVersion, image);
  if (!payload) return std::unexpected(payload.error());
  if (payload->size() >= FLATBUFFERS_MAX_BUFFER_SIZE) return fail(Errc::corrupt, "tree file is too large");
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(payload->data()), payload->size(),
                                 /*max_depth=*/4, /*max_tables=*/4);
  if (!verifier.VerifyBuffer<ImageFile>(nullptr)) return fail(Errc::corrupt, "tree file: damaged tables");
  const ImageFile* tables = flatbuffers::GetRoot<ImageFile>(payload->data());
  auto state = std::make_unique<const State>(State{.file = std::move(file),
                                                   .layer_count = tables->layer_count(),
                                                   .inodes = in_place<image_file::Inode>(tables->inodes()),
                                                   .entries = in_place<image_file::Entry>(tables->entries()),
                                                   .extents = in_place<Extent>(tables->extents()),
                                                   .xattrs = in_place<image_file::Xattr>(tables->xattrs()),
                                                   .pool = text_of(*tables->pool()),
                                                   .problems = tables->problems()});
  if (!state->is_consistent()) return fail(Errc::corrupt, "tree file: inconsistent tables");
  return std::shared_ptr<const ImageTree>(new ImageTree(std::move(state)));
}

std::size_t ImageTree::layer_count() const noexcept { return state_->layer_count; }
std::size_t ImageTree::inode_count() const noexcept { return state_->inodes.size(); }

InodeView ImageTree::inode(Inode number) const {
  const image_file::Inode& inode = state_->at(number);
  InodeView view{.type = static_cast<EntryType>(inode.type()),
                 .is_sparse = inode.is_sparse() != 0,
                 .mode = inode.mode(),
                 .uid = inode.uid(),
                 .gid = inode.gid(),
                 .nlink = inode.nlink(),
                 .mtime = {inode.seconds(), inode.nanoseconds()},
                 .device_major = 0,
                 .device_minor = 0,
                 .size = inode.size(),
                 .stored = inode.stored(),
                 .layer = inode.layer(),
                 .stream_offset = 0,
                 .extents = {},
                 .target = state_->text(inode.target()),
                 .first_xattr = inode.first_xattr(),
                 .xattr_count = inode.xattr_count(),
                 .parent = inode.parent()};
  if (view.is_sparse) {
    view.extents = state_->extents.subspan(upper_half(inode.place()), lower_half(inode.place()));
  } else if (view.type == EntryType::file) {
    view.stream_offset = inode.place();
  } else if (view.type == EntryType::character || view.type == EntryType::block) {
    view.device_major = upper_half(inode.place());
    view.device_minor = lower_half(inode.place());
  }
  return view;
}

std::string ImageTree::path_of(Inode directory) const {
  std::string path;
  for (Inode here = directory; here != kRootInode; here = inode(here).parent) {
    const Inode parent = inode(here).parent;
    for (std::size_t rank = 0; rank < child_count(parent); ++rank)
      if (const DirectoryEntry entry = child(parent, rank); entry.inode == here) {
        path.insert(0, std::string(entry.name) + (path.empty() ? "" : "/"));
        break;
      }
  }
  return path;
}

std::optional<Inode> ImageTree::find(Inode directory, std::string_view name) const {
  const image_file::Inode& inode = state_->at(directory);
  if (inode.type() != static_cast<std::uint8_t>(EntryType::directory)) return std::nullopt;
  const auto children = state_->children(inode);
  const auto name_of = [this](const image_file::Entry& entry) { return state_->text(entry.name()); };
  const auto found = std::ranges::lower_bound(children, name, {}, name_of);
  if (found == children.end() || name_of(*found) != name) return std::nullopt;
  return found->inode();
}

std::size_t ImageTree::child_count(Inode directory) const {
  const image_file::Inode& inode = state_->at(directory);
  return inode.type() == static_cast<std::uint8_t>(EntryType::directory) ? lower_half(inode.place()) : 0;
}

DirectoryEntry ImageTree::child(Inode directory, std::size_t rank) const {
  const image_file::Entry& entry = state_->children(state_->at(directory))[rank];
  return {state_->text(entry.name()), entry.inode()};
}

std::pair<std::string_view, std::string_view> ImageTree::xattr(std::uint32_t number) const {
  const image_file::Xattr& xattr = state_->xattrs[number];
  return {state_->text(xattr.name()), state_->text(xattr.value())};
}

bool ImageTree::has_xattr(std::string_view name) const {
  // Compare names only if the lengths are equal: most differ.
  return std::ranges::any_of(state_->xattrs, [&](const image_file::Xattr& xattr) {
    return xattr.name().size() == name.size() && state_->text(xattr.name()) == name;
  });
}

std::vector<std::string> ImageTree::problems() const {
  std::vector<std::string> sentences;
  for (flatbuffers::uoffset_t i = 0; i < state_->problems->size(); ++i)
    sentences.push_back(state_->problems->Get(i)->str());
  return sentences;
}

}  // namespace layoutfs
