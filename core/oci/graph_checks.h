// Checks of documents that all walks over graphs share.
#pragma once

#include "core/oci/graph.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns whether the layout lacks the blob. Returns false if that is unknown, so that its reader reports the
// error.
bool is_absent(const LayoutReader& reader, const Descriptor& descriptor);
// Calls `on_problem` for each problem in a document that could be read. Returns the first error of a call.
Status tell_problems(const Descriptor& descriptor, const GraphNode& node, const OnProblem& on_problem);
// An OnProblem that ends the walk.
Status refuse(const Descriptor& document, Error problem);

}  // namespace layoutfs
