// Parsed documents in memory, within a budget.
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
  std::string media_type;  // its own type, or the usual one of its form; empty if neither is known
  DocumentForm form = DocumentForm::unknown;
  GraphNode node;                     // std::monostate if the blob is not a document
  std::optional<ImageConfig> config;  // if it was read as a configuration
  std::optional<Error> problem;       // if it cannot be parsed; `node` and `config` are empty then
  std::vector<Digest> digests;        // digests without descriptors (digests_of), present or not
  // All digests in a configuration or in a known document (is_understood), sorted, if GraphOptions request
  // them. Those of an unknown document are in `digests`.
  std::vector<Digest> mentions;
  Bytes text;  // byte for byte, if GraphOptions request it
};
// The interpretation of a blob: a document of one of the forms, or a configuration.
struct ReadAs {
  DocumentForm form;
  bool is_config = false;
  friend auto operator<=>(const ReadAs&, const ReadAs&) = default;
};
using DocumentPtr = std::shared_ptr<const LayoutDocument>;

// Removes the least recently used documents; their users keep them. Several graphs may share a cache.
// Thread-safe. Its lock protects only its own tables; nothing is called under it.
class DocumentCache {
 public:
  static constexpr std::size_t kDefaultBudget = std::size_t{32} << 20;

  // `budget` is in bytes of memory.
  explicit DocumentCache(std::size_t budget = kDefaultBudget) : budget_(budget) {}

  // The identity of a document: the graph that read it, and its interpretation.
  struct Key {
    const void* graph;
    Digest digest;
    ReadAs way;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Returns null if it is not cached.
  DocumentPtr find(const Key& key);
  void add(const Key& key, DocumentPtr document);
  // Removes all documents of a graph.
  void forget(const void* graph);
  // Returns the approximate size of all cached documents in bytes.
  std::size_t bytes();

 private:
  struct Document {
    Key key;
    DocumentPtr document;
    std::size_t bytes;
  };
  struct Documents {
    std::list<Document> by_use;  // most recently used first
    std::map<Key, std::list<Document>::iterator> by_key;
    std::size_t bytes = 0;
  };
  static void drop(Documents& items, std::list<Document>::iterator item, std::list<Document>& dropped);

  const std::size_t budget_;
  Guarded<Documents> items_;
};

}  // namespace layoutfs
