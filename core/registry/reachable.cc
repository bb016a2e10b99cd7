#include "core/registry/reachable.h"

#include "core/oci/documents.h"
#include "core/oci/graph.h"

namespace layoutfs {
namespace {

struct Reference {
  Digest subject;
  Descriptor referrer;
};

// What `descriptor`'s document is about, where it is about something.
Result<std::optional<Reference>> read_reference(const Engine& engine, const Descriptor& descriptor) {
  Descriptor referrer{
      .media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size};
  switch (document_kind(descriptor.media_type)) {
    case DocumentKind::index: {
      auto index = read_index(engine, descriptor);
      if (!index) return fail(std::move(index).error());
      if (!index->subject) return std::nullopt;
      referrer.artifact_type = std::move(index->artifact_type);
      referrer.annotations = std::move(index->annotations);
      return Reference{index->subject->digest, std::move(referrer)};
    }
    case DocumentKind::manifest: {
      auto manifest = read_manifest(engine, descriptor);
      if (!manifest) return fail(std::move(manifest).error());
      if (!manifest->subject) return std::nullopt;
      referrer.artifact_type = manifest->artifact_type.empty() ? std::move(manifest->config.media_type)
                                                               : std::move(manifest->artifact_type);
      referrer.annotations = std::move(manifest->annotations);
      return Reference{manifest->subject->digest, std::move(referrer)};
    }
    case DocumentKind::other:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<Reachable> find_reachable(const Engine& engine, std::span<const Descriptor* const> entries,
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

Result<Referrers> find_referrers(const Engine& engine, const Reachable& reachable, const Context& context) {
  Referrers referrers{.by_subject = {}, .is_open = reachable.is_open};
  for (const auto& [digest, descriptor] : reachable.documents) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto reference = read_reference(engine, descriptor);
    if (!reference && reference.error().code() != Errc::not_found) return fail(std::move(reference).error());
    if (!reference)
      referrers.is_open = true;
    else if (*reference)
      referrers.by_subject.emplace((*reference)->subject, std::move((*reference)->referrer));
  }
  return referrers;
}

}  // namespace layoutfs
