// Writes a merged tree as the tables of a tree file.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/image/merge_tree.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the content of the tree file. Inodes are numbered breadth-first, children in byte order of their
// names, so equal trees give equal files. The caller limits `problems` to ImageTree::kMaxProblems.
// Errc::unsupported if the tables exceed the 2 GiB of a FlatBuffer.
Result<Bytes> write_tree(const Digest& image, const MergeTree& tree,
                         std::span<const std::shared_ptr<const LayerEntries>> layers,
                         const std::vector<std::string>& problems);

}  // namespace layoutfs
