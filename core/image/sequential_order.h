// The order of an image's entries in a stream whose reader makes each file as it arrives.
#pragma once

#include <functional>
#include <string>

#include "core/image/image_tree.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Calls `visit` for each name of the image: the root with an empty path, then each directory, followed by all
// that is below it, so that a reader can set the mtime of a directory when it leaves it. The names of one
// directory are in byte order if the data of each layer is then in the order of its stream, too; otherwise
// they are in the order of their first data, those without data last. So each layer is decoded once and in
// order if its own tar was written directory by directory. A file with several names is visited for each.
// Ends with the first error of `visit`, and returns it. Cost: linear in the number of entries, times the
// number of layers for directories.
Status visit_sequentially(const ImageTree& tree,
                          const std::function<Status(const std::string& path, Inode inode)>& visit);

}  // namespace layoutfs
