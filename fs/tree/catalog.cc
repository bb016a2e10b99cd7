// Follows the changes of index.json.
#include "fs/tree/catalog.h"

#include "core/base/check.h"

namespace layoutfs {
namespace {

// Returns everything reachable through indexes, without reading manifests.
Documents reachable_documents(const LayoutGraph& graph, const References& references) {
  Documents documents;
  const Handler note = [&](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    // An index entry that is neither a manifest nor an index is shown, too: its directory has the error.
    documents.try_emplace(descriptor.digest, descriptor);
    if (document_kind(descriptor.media_type) != DocumentKind::index) return Visit();
    // The directory of an unreadable index shows the error.
    const auto index = graph.index(descriptor, context);
    return index ? Visit::to((*index)->manifests) : Visit();
  };
  const auto walked = walk(references.entries, handlers({first_visits(), note}));
  check(walked.has_value(), "a walk ends early only for its handlers");
  return documents;
}

}  // namespace

std::vector<std::string> LayoutCatalog::problems() const {
  if (!references) return {failure};
  return references->problems;
}

std::shared_ptr<const LayoutCatalog> CatalogKeeper::current() {
  const auto references = graph_.reader().references();
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
  if (auto kept = reachable_.lock(); kept->documents && kept->catalog == catalog) return kept->documents;
  auto documents = std::make_shared<const Documents>(
      catalog->references ? reachable_documents(graph_, *catalog->references) : Documents());
  *reachable_.lock() = {std::move(catalog), documents};
  return documents;
}

std::optional<Descriptor> CatalogKeeper::find_document(const Digest& digest) {
  const auto catalog = current();
  if (const auto entry = catalog->entries.find(digest); entry != catalog->entries.end())
    return *entry->second;
  const auto reachable = documents();
  const auto found = reachable->find(digest);
  return found == reachable->end() ? std::nullopt : std::optional(found->second);
}

std::optional<Descriptor> CatalogKeeper::find_unlisted(const Digest& digest) {
  // Documents in a list of referrers are known by the document that refers to them.
  if (const auto all = referrers_.lock()->all)
    if (const Descriptor* const named = all->find(digest)) return *named;
  const auto document = graph_.read(digest);
  if (!document) return std::nullopt;
  const GraphNode& node = (*document)->node;
  const bool is_shown = std::holds_alternative<Manifest>(node) || std::holds_alternative<Index>(node) ||
                        std::holds_alternative<ArtifactManifest>(node);
  if (!is_shown) return std::nullopt;
  Descriptor descriptor{.media_type = (*document)->media_type, .digest = digest, .size = (*document)->size};
  descriptor.json = descriptor.to_json();
  return descriptor;
}

std::vector<Digest> CatalogKeeper::referrers(const Digest& digest) {
  auto catalog = current();
  std::shared_ptr<const LayoutReferrers> all;
  if (auto kept = referrers_.lock(); kept->catalog == catalog) all = kept->all;
  if (!all) {
    auto found = catalog->references ? find_referrers(graph_, catalog->references->entries)
                                     : Result<LayoutReferrers>(LayoutReferrers());
    all = std::make_shared<const LayoutReferrers>(found ? std::move(*found) : LayoutReferrers());
    *referrers_.lock() = {std::move(catalog), all};
  }
  std::vector<Digest> digests;
  const auto [first, last] = all->by_subject.equal_range(digest);
  for (auto entry = first; entry != last; ++entry) digests.push_back(entry->second.listed.digest);
  return digests;
}

}  // namespace layoutfs
