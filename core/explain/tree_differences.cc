// A walk over two sorted trees at once, as in the merge step of a merge sort: the lists of children of two
// directories are read side by side, and the smaller name comes first. A stack has the pairs of open
// directories, one of which may be missing. The children of an image's directory are read from its tree.
// Those of a single layer's are collected first, because the whiteout of a name is sorted by another name.
#include "core/explain/tree_differences.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/image/whiteout_names.h"

namespace layoutfs {
namespace {

// A name in a directory: a file, a whiteout, or both if the layer replaces what it removes.
struct ComparedChild {
  std::string_view name;
  std::optional<Inode> inode;
  bool is_whiteout = false;
};

// The children of one directory in byte order of their names, opaque marks excepted.
class ComparedChildren {
 public:
  // `directory` may be missing.
  ComparedChildren(const ComparedTree& side, std::optional<Inode> directory)
      : tree_(&side.tree), directory_(directory.value_or(kRootInode)) {
    if (!directory || tree_->inode(*directory).type != EntryType::directory) return;
    count_ = tree_->child_count(*directory);
    if (side.whiteouts == Whiteouts::apply) return;
    is_collected_ = true;
    collect();
  }

  bool at_end() const { return next_ == (is_collected_ ? collected_.size() : count_); }
  // Precondition: !at_end().
  ComparedChild current() const {
    if (is_collected_) return collected_[next_];
    const DirectoryEntry entry = tree_->child(directory_, next_);
    return {entry.name, entry.inode};
  }
  void advance() { ++next_; }

 private:
  // ".wh." alone removes no name.
  static bool is_whiteout(std::string_view name) {
    return name.starts_with(kWhiteout) && name != kWhiteout && !name.starts_with(kReserved);
  }

  void collect() {
    for (std::size_t rank = 0; rank < count_; ++rank) {
      const DirectoryEntry entry = tree_->child(directory_, rank);
      if (entry.name == kOpaque) continue;
      if (is_whiteout(entry.name))
        collected_.push_back({entry.name.substr(kWhiteout.size()), std::nullopt, true});
      else
        collected_.push_back({entry.name, entry.inode});
    }
    std::ranges::sort(collected_, {}, &ComparedChild::name);
    // At most two have the same name.
    std::size_t kept = 0;
    for (const ComparedChild& child : collected_) {
      if (kept > 0 && collected_[kept - 1].name == child.name) {
        ComparedChild& first = collected_[kept - 1];
        first = {child.name, first.inode ? first.inode : child.inode, true};
      } else {
        collected_[kept++] = child;
      }
    }
    collected_.resize(kept);
  }

  const ImageTree* tree_;
  Inode directory_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  bool is_collected_ = false;
  std::vector<ComparedChild> collected_;
};

class DifferenceWalk {
 public:
  DifferenceWalk(const ComparedTree& before, const ComparedTree& after, const CompareOptions& options,
                 const HasEqualContent& has_equal_content,
                 const std::function<Status(const Difference&)>& visit)
      : before_(before),
        after_(after),
        options_(options),
        has_equal_content_(has_equal_content),
        visit_(visit) {}

  Status run(std::optional<Inode> first_before, std::optional<Inode> first_after, std::string_view path) {
    path_ = path;
    if (auto visited = compare({{}, first_before}, {{}, first_after}); !visited) return visited;
    open(first_before, first_after);
    while (!open_.empty()) {
      Open& top = open_.back();
      path_.resize(top.path_size);
      const auto [before, after] = next_pair(top);
      if (!before && !after) {
        open_.pop_back();
        continue;
      }
      if (!path_.empty()) path_ += '/';
      path_ += before ? before->name : after->name;
      const ComparedChild nothing;
      const ComparedChild& left = before ? *before : nothing;
      const ComparedChild& right = after ? *after : nothing;
      if (auto visited = compare(left, right); !visited) return visited;
      open(left.inode, right.inode);
    }
    return {};
  }

 private:
  struct Open {
    ComparedChildren before, after;
    std::size_t path_size;
  };

  bool is_directory(const ComparedTree& side, std::optional<Inode> inode) const {
    return inode && side.tree.inode(*inode).type == EntryType::directory;
  }

  void open(std::optional<Inode> before, std::optional<Inode> after) {
    if (is_directory(before_, before) || is_directory(after_, after))
      open_.push_back({ComparedChildren(before_, before), ComparedChildren(after_, after), path_.size()});
  }

  // Returns the children with the smallest name, and moves on; two empty values at the end.
  static std::pair<std::optional<ComparedChild>, std::optional<ComparedChild>> next_pair(Open& directories) {
    std::optional<ComparedChild> before, after;
    if (!directories.before.at_end()) before = directories.before.current();
    if (!directories.after.at_end()) after = directories.after.current();
    if (before && after && before->name != after->name)
      before->name < after->name ? after.reset() : before.reset();
    if (before) directories.before.advance();
    if (after) directories.after.advance();
    return {before, after};
  }

  Status compare(const ComparedChild& before, const ComparedChild& after) const {
    using enum Difference::Kind;
    Difference difference{changed, {}, before.inode, after.inode, path_};
    if (before.inode && after.inode)
      difference.changes = changes(*before.inode, *after.inode);
    else if (before.inode.has_value() != after.inode.has_value())
      difference.kind = after.inode ? added : removed;
    else if (before.is_whiteout != after.is_whiteout)
      difference.kind = after.is_whiteout ? removed : added;
    else
      return {};
    if (before.is_whiteout != after.is_whiteout) difference.changes.add(Change::whiteout);
    if (difference.kind == changed && difference.changes.empty()) return {};
    return visit_(difference);
  }

  Changes changes(Inode before, Inode after) const {
    const InodeView left = before_.tree.inode(before), right = after_.tree.inode(after);
    Changes found;
    if (left.type != right.type) found.add(Change::type);
    const bool has_mode = left.type != EntryType::symlink && right.type != EntryType::symlink;
    if (has_mode && left.mode != right.mode) found.add(Change::mode);
    if (left.uid != right.uid || left.gid != right.gid) found.add(Change::owner);
    if (!options_.is_time_ignored &&
        (left.mtime.seconds != right.mtime.seconds || left.mtime.nanoseconds != right.mtime.nanoseconds))
      found.add(Change::time);
    if (!are_xattrs_equal(left, right)) found.add(Change::xattrs);
    if (left.type != right.type) return found;
    switch (left.type) {
      case EntryType::symlink:
        if (left.target != right.target) found.add(Change::target);
        break;
      case EntryType::character:
      case EntryType::block:
        if (left.device_major != right.device_major || left.device_minor != right.device_minor)
          found.add(Change::device);
        break;
      case EntryType::directory:
        if (is_opaque(before_, before) != is_opaque(after_, after)) found.add(Change::opaque);
        break;
      case EntryType::file:
        if (is_content_changed(before, left, after, right, found)) found.add(Change::content);
        break;
      case EntryType::hardlink:
      case EntryType::fifo:
        break;
    }
    return found;
  }

  // Looks at the content only if nothing else decides.
  bool is_content_changed(Inode before, const InodeView& left, Inode after, const InodeView& right,
                          Changes others) const {
    if (left.size != right.size) return true;
    if (options_.is_content_last && !others.empty()) return false;
    return !is_same_data(left, right) && !has_equal_content_(before, after);
  }

  static bool is_opaque(const ComparedTree& side, Inode directory) {
    return side.whiteouts == Whiteouts::show && side.tree.find(directory, kOpaque).has_value();
  }

  bool are_xattrs_equal(const InodeView& left, const InodeView& right) const {
    if (left.xattr_count != right.xattr_count) return false;
    for (std::uint32_t i = 0; i < left.xattr_count; ++i)
      if (before_.tree.xattr(left.first_xattr + i) != after_.tree.xattr(right.first_xattr + i)) return false;
    return true;
  }

  // Returns whether two files of the same size have their data at the same place.
  bool is_same_data(const InodeView& left, const InodeView& right) const {
    if (left.size == 0 || (left.stored == 0 && right.stored == 0)) return true;
    if (left.layer >= before_.streams.size() || right.layer >= after_.streams.size()) return false;
    const Digest& stream = before_.streams[left.layer];
    if (stream.empty() || stream != after_.streams[right.layer] || left.is_sparse != right.is_sparse)
      return false;
    if (!left.is_sparse) return left.stream_offset == right.stream_offset;
    return std::ranges::equal(left.extents, right.extents, [](const Extent& a, const Extent& b) {
      return a.offset == b.offset && a.size == b.size && a.stream_offset == b.stream_offset;
    });
  }

  const ComparedTree& before_;
  const ComparedTree& after_;
  const CompareOptions& options_;
  const HasEqualContent& has_equal_content_;
  const std::function<Status(const Difference&)>& visit_;
  std::string path_;
  std::vector<Open> open_;
};

}  // namespace

Status visit_differences(const ComparedTree& before, std::optional<Inode> first_before,
                         const ComparedTree& after, std::optional<Inode> first_after, std::string_view path,
                         const CompareOptions& options, const HasEqualContent& has_equal_content,
                         const std::function<Status(const Difference&)>& visit) {
  return DifferenceWalk(before, after, options, has_equal_content, visit)
      .run(first_before, first_after, path);
}

}  // namespace layoutfs
