// The differences between two image trees, found by one walk over both.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/image/image_tree.h"
#include "core/image/merge.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// One of two trees that are compared.
struct ComparedTree {
  const ImageTree& tree;
  // The digest of the uncompressed stream of each layer, from the base to the top: files with data at the
  // same place of equal streams are equal. A digest may be empty, if it is unknown.
  std::vector<Digest> streams;
  // Whiteouts::show for a single layer: entries with whiteout names are not files, but removals.
  Whiteouts whiteouts = Whiteouts::apply;
};

enum class Change : std::uint8_t {
  type,
  mode,      // the twelve permission bits; not of symlinks, where Linux ignores them
  owner,     // user or group
  time,      // of the last change of the content
  xattrs,    // names or values
  content,   // of files
  target,    // of symlinks
  device,    // the numbers of a device
  opaque,    // single layers: whether the layer hides the content of the directory in lower layers
  whiteout,  // single layers: whether the layer removes the path of lower layers
};
inline constexpr std::size_t kChangeCount = 10;

// A set of changes.
class Changes {
 public:
  void add(Change change) noexcept { bits_ |= bit(change); }
  void remove(Change change) noexcept { bits_ &= static_cast<std::uint16_t>(~bit(change)); }
  bool contains(Change change) const noexcept { return (bits_ & bit(change)) != 0; }
  bool empty() const noexcept { return bits_ == 0; }
  friend bool operator==(Changes, Changes) = default;

 private:
  static std::uint16_t bit(Change change) noexcept {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(change));
  }
  std::uint16_t bits_ = 0;
};

struct Difference {
  enum class Kind : std::uint8_t { added, removed, changed };
  Kind kind;
  // Of `changed`: not empty. Of the others: only Change::whiteout, if they come from a whiteout of either
  // layer: a whiteout removes the path, and the layer without it has it (again).
  Changes changes;
  std::optional<Inode> before, after;  // both are empty if a layer has only a whiteout
  std::string_view path;               // valid during the visit; empty for the root
};

struct CompareOptions {
  bool is_time_ignored = false;
  // Content is not looked at if a file has another change, and the size is equal. The set of changes may then
  // lack Change::content, but the set of differences is the same.
  bool is_content_last = false;
};

// Returns whether two files of the same size have equal content.
using HasEqualContent = std::function<bool(Inode before, Inode after)>;

// Calls `visit` for each difference between two inodes and all below them, if both are directories; the first
// two have the path `path`. One of them may be missing. The order is that of a walk: a directory before its
// content, names in byte order. Numbers of hard links and sizes of directories are not differences; neither
// are holes in files. `has_equal_content` is called only if sizes and places of data leave the answer open.
// Ends with the first error of `visit`. Cost: linear in the entries of both trees. Single layers take memory
// for the names of each directory on the way.
Status visit_differences(const ComparedTree& before, std::optional<Inode> first_before,
                         const ComparedTree& after, std::optional<Inode> first_after, std::string_view path,
                         const CompareOptions& options, const HasEqualContent& has_equal_content,
                         const std::function<Status(const Difference&)>& visit);

}  // namespace layoutfs
