// Turns a merged tree into the tables of a tree file.
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

// Inodes are numbered breadth-first, children in the byte order of their names; so equal trees give equal
// files. `problems` beyond ImageTree::kMaxProblems must have been left out. Errc::unsupported where the
// tables outgrow a FlatBuffer's 2 GiB.
Result<Bytes> write_tree(const Digest& image, const MergeTree& tree,
                         std::span<const std::shared_ptr<const LayerIndex>> layers,
                         const std::vector<std::string>& problems);

}  // namespace layoutfs
