// A walk over the names of an image in the order that people expect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/image/image_tree.h"
#include "layoutfs/error.h"

namespace layoutfs {

// One name in a walk. The views are valid during the visit.
struct WalkedFile {
  std::string_view path;  // begins with the path of the start: "/etc/passwd", "/"
  std::string_view name;  // the last component of the path; "/" for the root
  std::size_t depth;      // levels below the start
  Inode number;
  const InodeView& inode;
};

enum class Descend : std::uint8_t { yes, no };

// Calls `visit` for the inode `start` and for each name below it: a directory before its children, the names
// of a directory in byte order. A file with several names is visited for each. `path` is the path of `start`:
// absolute, without a '/' at its end except for the root. The result of `visit` decides whether the children
// of a directory are visited. Ends with the first error of `visit`, and returns it. Precondition: `start` is
// in range. Cost: linear in the number of visited names.
Status walk_files(const ImageTree& tree, Inode start, std::string path,
                  const std::function<Result<Descend>(const WalkedFile&)>& visit);

}  // namespace layoutfs
