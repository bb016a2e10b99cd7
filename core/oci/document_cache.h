// The parsed documents that are held in memory, within a budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "core/oci/document_form.h"
#include "core/oci/graph.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A document of a layout, verified and parsed. Immutable.
struct LayoutDocument {
  Digest digest;
  std::uint64_t size = 0;  // bytes of its blob
  std::string media_type;  // its own, or the usual one of its form, if it was read without one; else empty
  DocumentForm form = DocumentForm::unknown;
  GraphNode node;                     // std::monostate if the blob is not a document
  std::optional<ImageConfig> config;  // of a document that was read as one
  std::optional<Error> problem;       // if it cannot be parsed; `node` and `config` are empty then
  std::vector<Digest> digests;        // that it names without descriptors (digests_of), present or not
  // All that occur in a configuration, or in a document of a form that is understood (is_understood), sorted,
  // if GraphOptions ask for them. Those of an unknown document are `digests`.
  std::vector<Digest> mentions;
  Bytes text;  // byte for byte, if GraphOptions ask for it
};
// How a blob is read: as a document of one of the forms, or as an image's configuration.
struct ReadAs {
  DocumentForm form;
  bool is_config = false;
  friend auto operator<=>(const ReadAs&, const ReadAs&) = default;
};
using DocumentPtr = std::shared_ptr<const LayoutDocument>;

// Drops the documents that were used longest ago; who has one keeps it. Several graphs may share a cache.
// Thread-safe; its lock is held for its own tables alone, and nothing is called while it is.
class DocumentCache {
 public:
  static constexpr std::size_t kDefaultBudget = std::size_t{32} << 20;

  // `budget` is in bytes of memory.
  explicit DocumentCache(std::size_t budget = kDefaultBudget) : budget_(budget) {}

  // What a document is known by: the graph that read it, and the way that it was read in.
  struct Key {
    const void* graph;
    Digest digest;
    ReadAs way;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Returns null if it is not held.
  DocumentPtr find(const Key& key);
  void add(const Key& key, DocumentPtr document);
  // Drops everything of a graph.
  void forget(const void* graph);
  // Bytes of all documents that are held, about.
  std::size_t bytes();

 private:
  struct Document {
    Key key;
    DocumentPtr document;
    std::size_t bytes;
  };
  struct Documents {
    std::list<Document> by_use;  // the last one used first
    std::map<Key, std::list<Document>::iterator> by_key;
    std::size_t bytes = 0;
  };
  static void drop(Documents& items, std::list<Document>::iterator item, std::list<Document>& dropped);

  const std::size_t budget_;
  Guarded<Documents> items_;
};

}  // namespace layoutfs
