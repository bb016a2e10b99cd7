// The sizes of an image: of its layers, and of the directories of its root filesystem.
//
// All sizes are bytes of the content of regular files as the layers store it, without holes. A file with
// several hard links has one content. Directories, symlinks and devices have none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/image/image_tree.h"
#include "core/layer/layer_entries.h"

namespace layoutfs {

struct LayerUsage {
  std::uint64_t bytes = 0;  // of the files in the layer's tar; hard links in it have no content of their own
  std::uint64_t visible = 0;  // those in the root filesystem
  // The bytes that are in the layer, but not in the root filesystem: a later entry, in the same or in another
  // layer, replaces or removes all names of the file, or the entry cannot be applied.
  std::uint64_t wasted() const noexcept { return bytes - visible; }
};

// The contents of one path that are not in the root filesystem.
struct WastedFile {
  std::string_view path;     // "usr/bin/tool"; a view into the entries of a layer
  std::uint64_t bytes = 0;   // of all copies
  std::uint64_t copies = 0;  // entries, none of them empty
  std::uint32_t layer = 0;   // the position of the uppermost layer with such an entry
};

struct ImageUsage {
  std::vector<LayerUsage> layers;  // from the base to the top
  LayerUsage all;                  // the sum of all layers
  std::vector<WastedFile> wasted;  // most bytes first, equal ones by path; their sum is all.wasted()
};

// Returns the usage of the layers of a merged tree. `layers` are the entries of its layers in order, and must
// outlive the result. A layer that occurs twice in the image counts twice. Cost: linear in the number of
// entries, apart from sorting the wasted ones.
ImageUsage usage_of(const ImageTree& tree, std::span<const std::shared_ptr<const LayerEntries>> layers);

struct LayerBytes {
  std::uint32_t layer;
  std::uint64_t bytes;
  bool operator==(const LayerBytes&) const = default;
};

// The directories and regular files of a tree below one inode, with the sum of each directory. A file with
// several names counts at the first one, in the order of the rows. Immutable. About 60 bytes for each row.
class DirectorySizes {
 public:
  struct Row {
    std::string_view name;                           // empty for the first row; a view into the tree
    Inode inode;                                     // a directory or a regular file
    std::uint64_t bytes = 0;                         // directories: of all files below
    std::uint64_t files = 0;                         // directories: number of regular files below; files: 1
    std::uint32_t parent;                            // position of the row; the first one's is 0
    std::uint32_t depth;                             // levels below the first row
    std::uint32_t first_child = 0, child_count = 0;  // a range of positions
    bool is_directory;
  };

  // `tree` must outlive it. Precondition: `start` is in range. With `only_layer`, ignores the files of all
  // other layers. Cost: linear in the number of names below `start`.
  DirectorySizes(const ImageTree& tree, Inode start, std::optional<std::uint32_t> only_layer = std::nullopt);

  // Each directory precedes its children, which follow each other in byte order of their names.
  const std::vector<Row>& rows() const noexcept { return rows_; }
  // Returns the path of a row below the first one: "bin/tool"; empty for the first one.
  std::string path(std::size_t row) const;
  // Returns for each row whose depth is at most `max_depth`, in the order of the rows, the bytes of each
  // layer that has some, in ascending order of layers.
  std::vector<std::vector<LayerBytes>> bytes_by_layer(std::size_t max_depth) const;

 private:
  const ImageTree& tree_;
  std::vector<Row> rows_;
};

}  // namespace layoutfs
