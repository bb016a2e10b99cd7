#include "core/registry/reachable.h"

#include "core/oci/documents.h"
#include "core/oci/graph.h"

namespace layoutfs {

Result<Reachable> find_reachable(const LayoutReader& engine, std::span<const Descriptor* const> entries,
                                 const Context& context) {
  Reachable reachable;
  // Of indexes: an entry may name one that another one has led to.
  std::map<Digest, std::vector<Descriptor>> children;
  const Handler visit = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (document_kind(descriptor.media_type) != DocumentKind::index) return Visit();
    auto known = children.find(descriptor.digest);
    if (known == children.end()) {
      auto index = read_index(engine, descriptor);
      if (!index && index.error().code() != Errc::not_found) return fail(std::move(index).error());
      reachable.is_open = reachable.is_open || !index;
      known =
          children.emplace(descriptor.digest, index ? std::move(index->manifests) : std::vector<Descriptor>())
              .first;
    }
    for (const Descriptor& child : known->second) reachable.documents.insert_or_assign(child.digest, child);
    return Visit::to(known->second);
  };
  for (const Descriptor* const entry : entries) {
    reachable.documents.insert_or_assign(entry->digest, *entry);
    // A tag of a manifest, as most are, leads no further.
    if (document_kind(entry->media_type) != DocumentKind::index) continue;
    const auto walked = walk(std::span(entry, 1), handlers({first_visits(), visit}), context);
    if (!walked) return fail(Error(walked.error()));
  }
  return reachable;
}

Result<Referrers> find_referrers(const LayoutReader& engine, const Reachable& reachable,
                                 const Context& context) {
  Referrers referrers{.by_subject = {}, .is_open = reachable.is_open};
  for (const auto& [digest, descriptor] : reachable.documents) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto referrer = read_referrer(engine, descriptor);
    if (!referrer && referrer.error().code() != Errc::not_found) return fail(std::move(referrer).error());
    if (!referrer)
      referrers.is_open = true;
    else if (*referrer)
      referrers.by_subject.emplace((*referrer)->subject, std::move((*referrer)->descriptor));
  }
  return referrers;
}

}  // namespace layoutfs
