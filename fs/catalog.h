// What index.json leads to, at one moment.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "core/cas/engine.h"
#include "core/oci/documents.h"
#include "fs/ref_names.h"

namespace layoutfs {

// Immutable. Indexes have been read for it, manifests have not.
struct Catalog {
  std::shared_ptr<const References> references;  // null where index.json cannot be read
  std::string failure;                           // why, then
  RefDirectory refs;
  std::map<Digest, Descriptor>
      documents;  // manifests and indexes that can be reached, each by the first way found

  std::int64_t mtime_ns() const { return references ? references->mtime_ns : 0; }
  // One sentence for everything that is wrong with index.json itself.
  std::vector<std::string> problems() const;
};

// Keeps the catalog up to date with index.json. Thread-safe.
class CatalogKeeper {
 public:
  explicit CatalogKeeper(const Engine& engine) : engine_(engine) {}
  // As of now: index.json is looked at each time, and read again where it has changed.
  std::shared_ptr<const Catalog> current();
  // Manifests and indexes whose subject is `digest`. Reads every manifest of the catalog once.
  std::vector<Digest> referrers(const Digest& digest);

 private:
  // By subject.
  struct Referrers {
    std::shared_ptr<const Catalog> catalog;  // that they are of
    std::multimap<Digest, Digest> by_subject;
  };
  const Engine& engine_;
  Guarded<std::shared_ptr<const Catalog>> catalog_;
  Guarded<Referrers> referrers_;  // held while manifests are read, so that they are read once
};

}  // namespace layoutfs
