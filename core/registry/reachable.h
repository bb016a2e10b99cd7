// The manifests of a repository.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "core/oci/layout_graph.h"
#include "layoutfs/context.h"

namespace layoutfs {

struct Reachable {
  // The entries and, through indexes, all their descendants, each with the last descriptor that names it.
  std::map<Digest, Descriptor> documents;
  // Whether an index is missing, so that its children are unknown.
  bool is_open = false;
};
// Errc::invalid_image if an index cannot be read.
Result<Reachable> find_reachable(const LayoutGraph& graph, std::span<const Descriptor* const> entries,
                                 const Context& context);

}  // namespace layoutfs
