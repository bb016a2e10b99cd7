#include "core/registry/reachable.h"

#include "layoutfs/documents.h"

namespace layoutfs {

Result<Reachable> find_reachable(const LayoutGraph& graph, std::span<const Descriptor* const> entries,
                                 const Context& context) {
  Reachable reachable;
  const Handler visit = [&](const Descriptor& descriptor, const Context& going_on) -> Result<Visit> {
    if (document_kind(descriptor.media_type) != DocumentKind::index) return Visit();
    const auto index = graph.index(descriptor, going_on);
    if (!index && index.error().code() != Errc::not_found) return fail(Error(index.error()));
    reachable.is_open = reachable.is_open || !index;
    if (!index) return Visit();
    for (const Descriptor& child : (*index)->manifests)
      reachable.documents.insert_or_assign(child.digest, child);
    return Visit::to((*index)->manifests);
  };
  for (const Descriptor* const entry : entries) {
    reachable.documents.insert_or_assign(entry->digest, *entry);
    // Most tags are manifests, which lead to no further manifests.
    if (document_kind(entry->media_type) != DocumentKind::index) continue;
    const auto walked = walk(std::span(entry, 1), handlers({first_visits(), visit}), context);
    if (!walked) return fail(Error(walked.error()));
  }
  return reachable;
}

}  // namespace layoutfs
