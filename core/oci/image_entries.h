// The images of a layout among the entries of its references.
#pragma once

#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns the entries that somebody may mean who names none, each digest once, in their order. Left out are
// signatures, attestations, artifacts and everything else with a subject, and the manifests of an index that
// is an entry itself (oras, cosign and others list these, too). If nothing is left, all entries are returned:
// opening one tells why it is not an image.
// Cost: reads the documents of the entries, unless there are hundreds, which are many images anyway. An entry
// that cannot be read counts as an image. Errc::cancelled.
Result<std::vector<const Descriptor*>> image_entries(const LayoutGraph& graph, const References& references,
                                                     const Context& context = {});

}  // namespace layoutfs
