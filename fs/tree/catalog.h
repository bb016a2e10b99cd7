// What index.json leads to, at one moment.
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

// Immutable. Nothing but index.json has been read for it.
struct LayoutCatalog {
  std::shared_ptr<const References> references;  // null where index.json cannot be read
  std::string failure;                           // why, then
  RefDirectory refs;
  std::unordered_map<Digest, const Descriptor*> entries;  // of `references`; the first one of each digest
  // That of index.json, or just after it where the catalog before had that too: the kernel keeps a listing
  // for as long as the directory's time is the same.
  std::int64_t mtime_ns = 0;

  // One sentence for everything that is wrong with index.json itself.
  std::vector<std::string> problems() const;
};

// When index.json was changed that was read last, and what LayoutCatalog::mtime_ns was made of that.
struct CatalogTimes {
  std::int64_t read_ns = 0, told_ns = 0;
  bool is_told = false;
};

// Keeps the catalog up to date with index.json. Thread-safe; no lock is held while a document is read.
class CatalogKeeper {
 public:
  // Entries of `repository` are called as lay_out_references() says. `before` is of the last keeper of the
  // same layout.
  explicit CatalogKeeper(const LayoutGraph& graph, std::string_view repository = {}, CatalogTimes before = {})
      : graph_(graph), repository_(repository), times_(before) {}
  // As of now: index.json is looked at each time, and read again where it has changed.
  std::shared_ptr<const LayoutCatalog> current();
  // Everything that can be reached now, each by the first way found. Reads every index once for each state of
  // index.json.
  std::shared_ptr<const Documents> documents();
  // One of those; reads no index where index.json names it itself.
  std::optional<Descriptor> find_document(const Digest& digest);
  // Returns the descriptor of a manifest, an index or an artifact manifest that find_document() does not
  // know, as its own text tells; nothing if the layout has no such document. Reads that one blob.
  std::optional<Descriptor> find_unlisted(const Digest& digest);
  // Returns the documents whose subject is `digest`, sorted (find_referrers of layout_graph.h). Reads every
  // document that index.json leads to, unless it is known to lead nowhere.
  std::vector<Digest> referrers(const Digest& digest);
  CatalogTimes times() { return *times_.lock(); }

 private:
  struct Reachable {
    std::shared_ptr<const LayoutCatalog> catalog;  // that they are of
    std::shared_ptr<const Documents> documents;
  };
  // By subject.
  struct Referrers {
    std::shared_ptr<const LayoutCatalog> catalog;  // that they are of
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
