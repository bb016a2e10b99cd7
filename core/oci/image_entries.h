// Finds the images among the entries of a layout's references.
#pragma once

#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns the entries that an empty reference may mean, in order, one per digest. Excludes signatures,
// attestations, artifacts and other documents with a subject, and manifests of an index that is an entry
// itself (oras, cosign and others list them, too). If nothing remains, returns all entries: opening one
// reports why it is not an image. Cost: reads the documents of the entries, unless there are hundreds, which
// are several images anyway. An entry that cannot be read counts as an image. Errc::cancelled.
Result<std::vector<const Descriptor*>> image_entries(const LayoutGraph& graph, const References& references,
                                                     const Context& context = {});

}  // namespace layoutfs
