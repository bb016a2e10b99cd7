// The graph of one layout: each document read once, what each leads to, and what refers to each.
//
// The parts. A LayoutDocument is one document, verified by its digest and parsed. DocumentCache holds them
// within a budget. LayoutGraph reads documents into the cache; the functions below it walk over what it
// reads.
//
// What is read when. Nothing when a graph is made. read() opens, hashes and parses the blob of one descriptor
// at the first call, and answers from the cache afterwards. index_children_of() reads the indexes that its
// roots lead to. find_referrers() reads every document that its roots lead to, as any of them may have a
// subject. Layers, and blobs of unknown media types, are read by none but a caller of read().
//
// The invariants. A digest names one content, so a document that was verified stays right for as long as the
// graph lives; the cache may drop it, and then it is read again. Neither references nor the presence of blobs
// is remembered: callers pass the roots of the moment, and a document that is missing, damaged or unreadable
// is looked for again by the next call. A document that cannot be parsed is remembered with its problem. What
// a document of schema 1 or of an unknown kind leads to depends on the blobs that there are, and is looked up
// at each call. A change of index.json so costs the reading of the documents that are new.
//
// The locks. Single flights by digest are outermost: the first reader of a document holds none of the locks
// while it reads the blob, and others wait for it without one. The locks of DocumentCache and of the
// documents that lead nowhere are innermost: nothing is called under either. Who calls read() should hold no
// lock that a reader of blobs takes (see core/cas/layout_reader.h).
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
  bool keeps_text = false;                         // LayoutDocument::text, for who copies documents
  bool finds_mentions = false;                     // LayoutDocument::mentions, for who must not lose a blob
  std::shared_ptr<DocumentCache> cache = nullptr;  // shared with other graphs; null for one of its own
};

// Thread-safe. What several threads ask for at once is read once.
class LayoutGraph {
 public:
  // `reader` must outlive it.
  explicit LayoutGraph(const LayoutReader& reader, GraphOptions options = {});
  ~LayoutGraph();
  LayoutGraph(const LayoutGraph&) = delete;
  LayoutGraph& operator=(const LayoutGraph&) = delete;

  const LayoutReader& reader() const noexcept { return reader_; }

  // The document that `descriptor` names, by its media type as read_graph_node() has it; of a layer or a
  // configuration an empty one, unread. Cost: the first time reads and hashes the blob, later a look-up.
  // Errors are those of read_graph_node; Errc::corrupt also if the descriptor of a document that is known
  // is wrong about the size; Errc::cancelled.
  Result<DocumentPtr> read(const Descriptor& descriptor, const Context& context = {}) const;
  // The same for the blob of a digest, whatever its media type: form_of_text() decides.
  Result<DocumentPtr> read(const Digest& digest, const Context& context = {}) const;
  // read_index(), read_manifest() and read_config(), which look at the text and not at the media type. Each
  // result shares its document.
  Result<std::shared_ptr<const Index>> index(const Descriptor& descriptor, const Context& context = {}) const;
  Result<std::shared_ptr<const Manifest>> manifest(const Descriptor& descriptor,
                                                   const Context& context = {}) const;
  Result<std::shared_ptr<const ImageConfig>> config(const Descriptor& descriptor,
                                                    const Context& context = {}) const;
  // A configuration as a document, which may have a problem: for its text and mentions.
  Result<DocumentPtr> read_config_document(const Descriptor& descriptor, const Context& context = {}) const;

  // Returns whether the blob was read as a document since the graph was made or released.
  bool was_read(const Digest& digest) const;
  // Returns whether a document that was read has neither a subject nor children that may be documents.
  bool leads_nowhere(const Descriptor& descriptor) const;
  // Drops everything that was read; it is read again when it is asked for.
  void release();

 private:
  Result<DocumentPtr> read_as(const Descriptor& descriptor, ReadAs way, const Context& context) const;
  // `size` is that of the blob; of one that is missing it does not matter.
  Result<DocumentPtr> load(const Digest& digest, std::uint64_t size, ReadAs way,
                           const Context& context) const;
  void keep(const DocumentPtr& document, ReadAs way) const;

  const LayoutReader& reader_;
  const GraphOptions options_;
  const std::shared_ptr<DocumentCache> cache_;
  mutable SingleFlight<DocumentCache::Key, DocumentPtr> flights_{LockLevel::document};
  // The documents that were read, kMaxFacts at most: bits for the ways in which each leads nowhere.
  mutable Guarded<std::unordered_map<Digest, std::uint8_t>> dead_ends_;
  // read_as() of a document that can be parsed.
  Result<DocumentPtr> read_parsed(const Descriptor& descriptor, ReadAs way, const Context& context) const;
};

// Returns the children of every index that `roots` lead to, indexes in indexes included; reads only indexes.
// An index that cannot be read has no children here. Errc::cancelled.
Result<IndexChildren> index_children_of(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                        const Context& context = {});

// Called with each document of an unknown kind that mentions blobs of the store, by any thread of a dispatch.
using OnUnknown = std::function<void(const Descriptor& document, const UnknownDocument& content)>;

// Called with each child of an index that the store does not have, by any thread of a dispatch. The child is
// left out if the call succeeds; an error ends the walk.
using OnAbsent = std::function<Status(const Descriptor& index, const Descriptor& child)>;

struct AllChildrenOptions {
  OnProblem on_problem;  // without it each problem ends the walk
  OnUnknown on_unknown;
  OnAbsent on_absent;  // without it an absent child is a child like any other
};
// Leads to children_of() of every document, also of schema 1, of unknown kinds, and of descriptors without a
// media type: a copy by this handler leaves nothing behind. A blob of an unknown type that is missing leads
// nowhere, as it need not be a document. `graph` must outlive it.
Handler all_children_handler(const LayoutGraph& graph, AllChildrenOptions options = {});

// Every document with a subject that some roots lead to.
struct LayoutReferrers {
  struct Referrer {
    Descriptor named;   // that leads to it, with the media type that it was read by
    Descriptor listed;  // as a list of referrers has it (distribution-spec, "Listing Referrers")
  };
  std::multimap<Digest, Referrer> by_subject;  // of one subject in the order of their digests
  // The descriptor that leads to a referrer; null if the document is none.
  const Descriptor* find(const Digest& digest) const;
  bool is_open = false;          // whether a document is missing: more may be known once it comes
  std::optional<Error> problem;  // of the first document that is there and cannot be read
};
// Follows the children and the subjects of every document whose kind is understood, artifact manifests among
// them, and of descriptors without a media type. A document that cannot be read leads nowhere. Cost: reads
// each document once, but those that are known to lead nowhere not again. Errc::cancelled.
Result<LayoutReferrers> find_referrers(const LayoutGraph& graph, std::span<const Descriptor> roots,
                                       const Context& context = {});

}  // namespace layoutfs
