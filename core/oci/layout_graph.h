// The graph of one layout: reads each document once, and knows its children and its referrers.
//
// The parts. A LayoutDocument is one document, verified by its digest and parsed. DocumentCache holds
// documents within a budget. LayoutGraph reads documents into the cache; the functions below it walk over
// them.
//
// Reading. Constructing a graph reads nothing. The first read() of a descriptor opens, hashes and parses the
// blob; later calls use the cache. index_children_of() reads the indexes reachable from its roots.
// find_referrers() reads all documents reachable from its roots, because any of them may have a subject.
// Layers and blobs of unknown media types are read only if a caller of read() asks for them.
//
// The invariants. A digest identifies one content, so a verified document stays valid for the life of the
// graph; the cache may drop it, and then it is read again. References and the presence of blobs are not
// cached: callers pass the current roots, and a missing, damaged or unreadable document is looked up again by
// the next call. A document that cannot be parsed is cached with its problem. The children of schema 1 and
// unknown documents depend on the existing blobs, and are looked up at each call. So after a change of
// index.json only new documents are read.
//
// The locks. Single flights by digest are outermost: the first reader of a document holds no lock while it
// reads the blob, and others wait for it without one. The locks of DocumentCache and of the dead ends are
// innermost: nothing is called under either. Callers of read() should hold no lock that a reader of blobs
// takes (see core/cas/layout_reader.h).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/base/lock_order.h"
#include "core/base/single_flight.h"
#include "core/oci/document_cache.h"
#include "core/oci/graph.h"
#include "core/oci/walk.h"
#include "layoutfs/context.h"

namespace layoutfs {

struct GraphOptions {
  bool keeps_text = false;                         // LayoutDocument::text, for copying documents
  bool finds_mentions = false;                     // LayoutDocument::mentions, for garbage collection
  std::shared_ptr<DocumentCache> cache = nullptr;  // shared with other graphs; null: a cache of its own
};

// Thread-safe. If several threads request a document, it is read once.
class LayoutGraph {
 public:
  // `reader` must outlive it.
  explicit LayoutGraph(const LayoutReader& reader, GraphOptions options = {});
  ~LayoutGraph();
  LayoutGraph(const LayoutGraph&) = delete;
  LayoutGraph& operator=(const LayoutGraph&) = delete;

  const LayoutReader& reader() const noexcept { return reader_; }

  // Returns the document of `descriptor`, by its media type as in read_graph_node(); an empty one for a layer
  // or a configuration, which is not read. Cost: the first call reads and hashes the blob, later calls are a
  // look-up. Errors are those of read_graph_node. Errc::corrupt also if the descriptor of a cached document
  // has a wrong size. Errc::cancelled.
  Result<DocumentPtr> read(const Descriptor& descriptor, const Context& context = {}) const;
  // The same for the blob of a digest without a media type: form_of_text() decides.
  Result<DocumentPtr> read(const Digest& digest, const Context& context = {}) const;
  // Like read_index(), read_manifest() and read_config(): the text decides, not the media type. Each result
  // shares its document.
  Result<std::shared_ptr<const Index>> index(const Descriptor& descriptor, const Context& context = {}) const;
  Result<std::shared_ptr<const Manifest>> manifest(const Descriptor& descriptor,
                                                   const Context& context = {}) const;
  Result<std::shared_ptr<const ImageConfig>> config(const Descriptor& descriptor,
                                                    const Context& context = {}) const;
  // Returns a configuration as a document, for its text and mentions. It may have a problem.
  Result<DocumentPtr> read_config_document(const Descriptor& descriptor, const Context& context = {}) const;

  // Returns whether the blob was read as a document since construction or release().
  bool was_read(const Digest& digest) const;
  // Returns whether a document that was read has neither a subject nor children that may be documents.
  bool leads_nowhere(const Descriptor& descriptor) const;
  // Drops all documents; they are read again on demand.
  void release();

 private:
  Result<DocumentPtr> read_as(const Descriptor& descriptor, ReadAs way, const Context& context) const;
  // `size` is the size of the blob; ignored if the blob is missing.
  Result<DocumentPtr> load(const Digest& digest, std::uint64_t size, ReadAs way,
                           const Context& context) const;
  void keep(const DocumentPtr& document, ReadAs way) const;

  const LayoutReader& reader_;
  const GraphOptions options_;
  const std::shared_ptr<DocumentCache> cache_;
  mutable SingleFlight<DocumentCache::Key, DocumentPtr> flights_{LockLevel::document};
  // Documents that were read, at most kMaxFacts: bits for the interpretations without further documents.
  mutable Guarded<std::unordered_map<Digest, std::uint8_t>> dead_ends_;
  // read_as() that fails if the document cannot be parsed.
  Result<DocumentPtr> read_parsed(const Descriptor& descriptor, ReadAs way, const Context& context) const;
};

// Returns the children of every index reachable from `roots`, including nested indexes. Reads only indexes.
// An unreadable index has no children here. Errc::cancelled.
Result<IndexChildren> index_children_of(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                        const Context& context = {});

// Called with each unknown document that mentions blobs of the store, by any thread of a dispatch.
using OnUnknown = std::function<void(const Descriptor& document, const UnknownDocument& content)>;

// Called with each child of an index that the store does not have, by any thread of a dispatch. If the call
// succeeds, the child is skipped; an error ends the walk.
using OnAbsent = std::function<Status(const Descriptor& index, const Descriptor& child)>;

struct AllChildrenOptions {
  OnProblem on_problem;  // if null, each problem ends the walk
  OnUnknown on_unknown;
  OnAbsent on_absent;  // if null, an absent child is like any other
};
// Returns a handler that descends to the children_of() of every document, including schema 1, unknown kinds,
// and descriptors without a media type, so that a copy is complete. A missing blob of an unknown type has no
// children, because it need not be a document. `graph` must outlive it.
Handler all_children_handler(const LayoutGraph& graph, AllChildrenOptions options = {});

// All documents with a subject that are reachable from some roots.
struct LayoutReferrers {
  struct Referrer {
    Descriptor named;   // its descriptor, with the media type by which it was read
    Descriptor listed;  // as in a list of referrers (distribution-spec, "Listing Referrers")
  };
  std::multimap<Digest, Referrer> by_subject;  // for each subject in order of digests
  // Returns the descriptor of a referrer; null if the document is not a referrer.
  const Descriptor* find(const Digest& digest) const;
  bool is_open = false;          // whether a document is missing, so that there may be more later
  std::optional<Error> problem;  // of the existing document with the lowest digest that cannot be read
};
// Follows the children and subjects of all known kinds of documents, including artifact manifests, and of
// descriptors without a media type. Unreadable documents have no children. Cost: reads each document once, on
// all cores if there are many; known dead ends are not read again. Errc::cancelled.
Result<LayoutReferrers> find_referrers(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                       const Context& context = {});

}  // namespace layoutfs
