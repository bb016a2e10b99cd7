// The layer that each file of an image comes from, and the files that layers took away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/image/image.h"
#include "core/image/merge_tree.h"
#include "core/layer/layer_index.h"
#include "layoutfs/error.h"

namespace layoutfs {

using LayerIndexes = std::span<const std::shared_ptr<const LayerIndex>>;

struct FileOrigin {
  std::string_view path;  // valid during the visit; empty for the root
  EntryType type;
  std::uint32_t layer;  // the last one with an entry for the path, or the one that implies the directory
  std::uint32_t content_layer;  // the layer with the data of a file: another one if `layer` has a hard link
};

// Calls `visit` for the file at `path` and all below it, a directory before its content, names in byte order.
// The layers are from the base to the top. The files are those of merge_layers(). `path` has no symlinks
// (path_without_symlinks()). The root of an image without layers comes from nowhere, and is not visited.
// Errc::not_found if it does not exist. Errors of merge_layers() and `visit`. Cost: that of merge_layers().
Status visit_origins(LayerIndexes layers, std::string_view path,
                     const std::function<Status(const FileOrigin&)>& visit);

// A file that a layer had and a higher one took away.
struct LostFile {
  std::string_view path;  // valid during the visit
  EntryType type;
  std::uint32_t layer;           // the last one with an entry for the path
  std::uint32_t lost_in;         // the layer that removed or replaced it
  MergeTree::Loss::Cause cause;  // of a file below a lost directory: that of the directory
};

// Calls `visit` for each lost file at `path` or below it, in the order of the layers that took them away, a
// directory before its content. A path may occur several times. A directory that a higher layer lists again
// is not lost. `path` need not exist. Errors and cost as above.
Status visit_lost_files(LayerIndexes layers, std::string_view path,
                        const std::function<Status(const LostFile&)>& visit);

// Returns the path of a file without symlinks in its directories. If they do not exist, returns clean_path().
std::string path_without_symlinks(const Image& image, std::string_view path);

}  // namespace layoutfs
