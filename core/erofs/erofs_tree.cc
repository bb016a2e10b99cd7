// Directories have larger numbers than their parents, so one pass in the order of numbers knows the marks of
// a parent before those of its children.
#include "core/erofs/erofs_tree.h"

#include <algorithm>

#include "core/image/whiteout_names.h"

namespace layoutfs::erofs {
namespace {

// Returns the name that a whiteout hides; "" if it hides none.
std::string_view hidden_name(std::string_view whiteout) {
  if (whiteout.starts_with(kReserved)) return "";
  whiteout.remove_prefix(kWhiteout.size());
  return whiteout == "." || whiteout == ".." ? "" : whiteout;
}

}  // namespace

ErofsTree::ErofsTree(const ImageTree& tree, ErofsContent content) : tree_(tree), attributes_(tree, {}) {
  if (content != ErofsContent::layer) return;
  bool has_whiteouts = false;
  const Inode last = tree.inode_count();
  for (Inode inode = kRootInode; inode <= last && !has_whiteouts; ++inode) {
    const auto [begin, end] = whiteouts_in(inode);
    has_whiteouts = begin != end;
  }
  if (!has_whiteouts) return;
  marks_.resize(last + 1);
  links_.resize(last + 1);
  marks_[kRootInode] = kIsShown;
  for (Inode inode = kRootInode; inode <= last; ++inode)
    if (has_mark(inode, kIsShown)) mark(inode);
}

// Returns the ranks of the children whose names begin with kWhiteout; they follow each other.
std::pair<std::size_t, std::size_t> ErofsTree::whiteouts_in(Inode directory) const {
  const std::size_t count = tree_.child_count(directory);
  const auto first_from = [&](std::string_view name) {
    std::size_t begin = 0, end = count;
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      if (tree_.child(directory, middle).name < name)
        begin = middle + 1;
      else
        end = middle;
    }
    return begin;
  };
  const std::size_t begin = first_from(kWhiteout);
  if (begin == count || !tree_.child(directory, begin).name.starts_with(kWhiteout)) return {begin, begin};
  // The first name after all those with the prefix: '/' follows '.'.
  return {begin, first_from(".wh/")};
}

// Returns whether a name leads to an entry of the layer, or else is only the parent of other entries, which
// whiteouts ignore. The tree has both as directories; those without an entry have these attributes.
bool ErofsTree::is_entry(Inode number) const {
  const InodeView inode = tree_.inode(number);
  return inode.type != EntryType::directory || tree_.child_count(number) == 0 || inode.mode != 0755 ||
         inode.uid != 0 || inode.gid != 0 || inode.xattr_count != 0 || inode.mtime.seconds != 0 ||
         inode.mtime.nanoseconds != 0;
}

// Calls `each` for each name that a whiteout hides; the layer itself may have it.
template <class Each>
void ErofsTree::for_each_hidden(Inode directory, std::pair<std::size_t, std::size_t> range, Each each) const {
  for (std::size_t rank = range.first; rank < range.second; ++rank) {
    const DirectoryEntry child = tree_.child(directory, rank);
    const std::string_view name = hidden_name(child.name);
    if (!name.empty() && is_entry(child.inode)) each(name);
  }
}

// Marks a directory's subdirectories, and counts its links.
void ErofsTree::mark(Inode directory) {
  const Inode parent = tree_.inode(directory).parent;
  if (has_mark(parent, kIsOpaque) || has_mark(parent, kIsInside)) marks_[directory] |= kIsInside;
  const auto [begin, end] = whiteouts_in(directory);
  mark_whiteouts(directory, {begin, end});
  links_[directory] += 2;
  const std::size_t count = tree_.child_count(directory);
  for (std::size_t rank = 0; rank < count; ++rank) {
    if (rank >= begin && rank < end) continue;
    const Inode child = tree_.child(directory, rank).inode;
    if (tree_.inode(child).type != EntryType::directory) {
      ++links_[child];
      continue;
    }
    marks_[child] |= kIsShown;
    // overlayfs ignores the mark of a root.
    if (directory == kRootInode && has_mark(directory, kIsOpaque)) marks_[child] |= kIsOpaque;
    ++links_[directory];
  }
}

void ErofsTree::mark_whiteouts(Inode directory, std::pair<std::size_t, std::size_t> range) {
  if (has_mark(directory, kIsInside)) return;
  if (range.first == range.second) return;
  if (const auto mark = tree_.find(directory, kOpaque); mark && is_entry(*mark)) {
    marks_[directory] |= kIsOpaque;
    return;
  }
  for_each_hidden(directory, range, [&](std::string_view name) {
    const auto own = tree_.find(directory, name);
    if (!own)
      ++whiteouts_;
    else if (tree_.inode(*own).type == EntryType::directory)
      marks_[*own] |= kIsOpaque;
  });
}

ErofsTree::Children ErofsTree::children(Inode directory) const {
  Children children;
  children.tree_ = &tree_;
  children.directory_ = directory;
  if (marks_.empty()) return children;
  const auto [begin, end] = whiteouts_in(directory);
  if (begin == end) return children;
  children.is_changed_ = true;
  auto& entries = children.changed_;
  for (std::size_t rank = 0; rank < tree_.child_count(directory); ++rank)
    if (rank < begin || rank >= end) entries.push_back(tree_.child(directory, rank));
  if (has_mark(directory, kIsOpaque) || has_mark(directory, kIsInside)) return children;
  for_each_hidden(directory, {begin, end}, [&](std::string_view name) {
    if (!tree_.find(directory, name)) entries.push_back({name, inode_count()});
  });
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return children;
}

InodeView ErofsTree::inode(Inode number) const {
  if (number > tree_.inode_count()) {
    InodeView whiteout{};
    whiteout.type = EntryType::character;
    whiteout.nlink = whiteouts_;
    whiteout.parent = kRootInode;
    return whiteout;
  }
  InodeView view = tree_.inode(number);
  if (!links_.empty()) view.nlink = links_[number];
  return view;
}

}  // namespace layoutfs::erofs
