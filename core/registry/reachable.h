// The manifests of a repository.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"

namespace layoutfs {

struct Reachable {
  // The entries and, through indexes, all that those name, each by the last descriptor that does.
  std::map<Digest, Descriptor> documents;
  // Whether an index is missing: what it names is not known until it comes.
  bool is_open = false;
};
// Errc::invalid_image for an index that cannot be read.
Result<Reachable> find_reachable(const LayoutGraph& graph, std::span<const Descriptor* const> entries,
                                 const Context& context);

}  // namespace layoutfs
