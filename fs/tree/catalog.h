// The documents reachable from index.json, as a snapshot.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/guarded.h"
#include "core/oci/layout_graph.h"
#include "fs/tree/ref_names.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Manifests and indexes.
using Documents = std::map<Digest, Descriptor>;

// Immutable. Only index.json was read for it.
struct LayoutCatalog {
  std::shared_ptr<const References> references;  // null if index.json cannot be read
  std::string failure;                           // the reason, then
  RefDirectory refs;
  std::unordered_map<Digest, const Descriptor*> entries;  // of `references`; the first one per digest
  // The time of index.json, or slightly later if the previous catalog had the same time: the kernel keeps a
  // listing while the directory's time is unchanged.
  std::int64_t mtime_ns = 0;

  // Returns one sentence for each problem of index.json itself.
  std::vector<std::string> problems() const;
};

// The time of index.json at the last read, and the LayoutCatalog::mtime_ns derived from it.
struct CatalogTimes {
  std::int64_t read_ns = 0, told_ns = 0;
  bool is_told = false;
};

// Keeps the catalog up to date with index.json. Thread-safe. No lock is held while a document is read.
class CatalogKeeper {
 public:
  // Entries of `repository` get names as in lay_out_references(). `before` comes from the previous keeper of
  // the same layout.
  explicit CatalogKeeper(const LayoutGraph& graph, std::string_view repository = {}, CatalogTimes before = {})
      : graph_(graph), repository_(repository), times_(before) {}
  // Returns the current catalog. Cost: a stat of index.json, which is read again if it has changed.
  std::shared_ptr<const LayoutCatalog> current();
  // Returns all reachable documents, each by the first path found. Reads every index once per state of
  // index.json.
  std::shared_ptr<const Documents> documents();
  // Returns one of these documents. Reads no index if index.json names it directly.
  std::optional<Descriptor> find_document(const Digest& digest);
  // Returns the descriptor of a manifest, an index or an artifact manifest that find_document() does not
  // know, by its own text; nullopt if the layout has no such document. Reads only that blob.
  std::optional<Descriptor> find_unlisted(const Digest& digest);
  // Returns the documents with the subject `digest`, sorted (find_referrers of layout_graph.h). Reads every
  // document reachable from index.json, except known dead ends.
  std::vector<Digest> referrers(const Digest& digest);
  CatalogTimes times() { return *times_.lock(); }

 private:
  struct Reachable {
    std::shared_ptr<const LayoutCatalog> catalog;  // of this catalog
    std::shared_ptr<const Documents> documents;
  };
  // By subject.
  struct Referrers {
    std::shared_ptr<const LayoutCatalog> catalog;  // of this catalog
    std::shared_ptr<const LayoutReferrers> all;
  };
  const LayoutGraph& graph_;
  const std::string repository_;
  Guarded<CatalogTimes> times_;
  Guarded<std::shared_ptr<const LayoutCatalog>> catalog_;
  Guarded<Reachable> reachable_;
  Guarded<Referrers> referrers_;
};

}  // namespace layoutfs
