// Following index.json.
#include "fs/tree/catalog.h"

#include "core/base/check.h"
#include "core/oci/graph.h"

namespace layoutfs {
namespace {

// Everything that can be reached through indexes; manifests are not read for it.
Documents reachable_documents(const LayoutReader& engine, const References& references) {
  Documents documents;
  const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    // What is neither a manifest nor an index is shown all the same where an index names it: it gets a
    // directory that says what is wrong.
    documents.try_emplace(descriptor.digest, descriptor);
    return document_kind(descriptor.media_type) == DocumentKind::index ? Visit() : Visit::stop();
  };
  // The directory of an index says itself why it cannot be read.
  const auto ignore = [](const Descriptor&, const Error&) { return Status(); };
  const auto walked =
      walk(references.entries, handlers({first_visits(), note, children_handler(engine, ignore)}));
  check(walked.has_value(), "a walk ends early only for its handlers");
  return documents;
}

}  // namespace

std::vector<std::string> LayoutCatalog::problems() const {
  if (!references) return {failure};
  return references->problems;
}

std::shared_ptr<const LayoutCatalog> CatalogKeeper::current() {
  const auto references = engine_.references();
  auto kept = catalog_.lock();
  const bool is_same =
      *kept && (references ? (*kept)->references == *references
                           : !(*kept)->references && (*kept)->failure == references.error().message());
  if (is_same) return *kept;
  auto catalog = std::make_shared<LayoutCatalog>();
  if (references) {
    catalog->references = *references;
    catalog->refs = lay_out_references((*references)->entries, repository_);
    for (const Descriptor& entry : (*references)->entries) catalog->entries.try_emplace(entry.digest, &entry);
  } else {
    catalog->failure = references.error().message();
  }
  const std::int64_t read_ns = catalog->references ? catalog->references->mtime_ns : 0;
  auto times = times_.lock();
  catalog->mtime_ns = times->is_told && times->read_ns == read_ns ? times->told_ns + 1 : read_ns;
  *times = {read_ns, catalog->mtime_ns, true};
  *kept = catalog;
  return catalog;
}

std::shared_ptr<const Documents> CatalogKeeper::documents() {
  auto catalog = current();
  auto kept = reachable_.lock();
  if (!kept->documents || kept->catalog != catalog) {
    kept->documents = std::make_shared<const Documents>(
        catalog->references ? reachable_documents(engine_, *catalog->references) : Documents());
    kept->catalog = std::move(catalog);
  }
  return kept->documents;
}

std::optional<Descriptor> CatalogKeeper::find_document(const Digest& digest) {
  const auto catalog = current();
  if (const auto entry = catalog->entries.find(digest); entry != catalog->entries.end())
    return *entry->second;
  const auto reachable = documents();
  const auto found = reachable->find(digest);
  return found == reachable->end() ? std::nullopt : std::optional(found->second);
}

std::vector<Digest> CatalogKeeper::referrers(const Digest& digest) {
  auto catalog = current();
  auto kept = referrers_.lock();
  if (kept->catalog != catalog) {
    kept->by_subject.clear();
    const auto reachable = documents();
    for (const auto& [document, descriptor] : *reachable)
      if (const auto referrer = read_referrer(engine_, descriptor); referrer && *referrer)
        kept->by_subject.emplace((*referrer)->subject, document);
    kept->catalog = std::move(catalog);
  }
  std::vector<Digest> found;
  const auto [first, last] = kept->by_subject.equal_range(digest);
  for (auto entry = first; entry != last; ++entry) found.push_back(entry->second);
  return found;
}

}  // namespace layoutfs
