// What the walks over graphs hold against each document.
#pragma once

#include "core/oci/graph.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns whether the layout does not have the blob. One of which that cannot be said stays: its reader
// learns why.
bool is_absent(const LayoutReader& reader, const Descriptor& descriptor);
// Calls `on_problem` with everything that is wrong with a document that could be read. The error is that of a
// call.
Status tell_problems(const Descriptor& descriptor, const GraphNode& node, const OnProblem& on_problem);
// An OnProblem that ends the walk.
Status refuse(const Descriptor& document, Error problem);

}  // namespace layoutfs
