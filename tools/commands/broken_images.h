// The images to which damaged blobs belong.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/fsck.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs::tools {

struct BrokenImage {
  std::string reference;      // finds the entry (EntryNames)
  std::vector<Digest> blobs;  // missing or damaged, sorted
};

// Returns the references that lead to blobs with a problem, in their order; none if the references cannot be
// read. Cost: one walk over the documents for each reference.
std::vector<BrokenImage> broken_images(const LayoutReader& layout, const std::vector<FsckProblem>& problems,
                                       const Context& context);

}  // namespace layoutfs::tools
