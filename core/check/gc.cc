// Marks everything reachable from the references, and sweeps the rest. The steps:
//
//   mark    reads the references and walks from them through the documents. Each reachable digest is marked;
//           a document is kept in the graph, so later passes read only new ones.
//   judge   for each unmarked blob: policies, then Engine::sweep_blob, which compares the references and the
//           time of the last put under the layout's lock. If the references have changed, everything is
//           marked again from the new ones, and the blob is judged again.
//   clean   removes the files of crashed writers.
//
// Invariants: the marks are those of `references_` and `other_roots_`; a blob is removed only if the layout's
// references are still `references_`, which sweep_blob checks under the lock; after an error in a mark
// nothing more is removed.
#include "layoutfs/gc.h"

#include <algorithm>
#include <expected>
#include <limits>
#include <memory>
#include <unordered_set>
#include <utility>

#include "core/oci/layout_graph.h"
#include "core/oci/mentions.h"
#include "layoutfs/expected.h"

namespace layoutfs {
namespace {

// Blobs put at or after this time are too young.
std::int64_t limit_of(std::chrono::nanoseconds grace) {
  if (grace <= std::chrono::nanoseconds::zero()) return std::numeric_limits<std::int64_t>::max();
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return (now - grace).count();
}

using Outcome = Expected<void, GcFailure>;

std::unexpected<GcFailure> failed(const Error& error) { return std::unexpected(GcFailure{error}); }
std::unexpected<GcFailure> failed_to_write(const Error& error) {
  return std::unexpected(GcFailure{error, true});
}

class Collector {
 public:
  // If `engine` is null, nothing is removed; otherwise it is `layout`.
  Collector(const LayoutReader& layout, Engine* engine, const GcOptions& options)
      : layout_(layout),
        engine_(engine),
        graph_(layout, {.finds_mentions = true}),
        options_(options),
        limit_ns_(limit_of(options.grace)) {}

  GcResult collect();

 private:
  Outcome run();
  Status mark();
  Status mark_from_roots();
  // Of one pass over the documents.
  struct Marks {
    std::unordered_set<Digest> reachable;
    std::unordered_set<Digest> optional;       // children of indexes, which may be absent
    std::vector<std::string> problems, notes;  // as in GcResult
  };
  Result<std::vector<Descriptor>> kept_by(const Descriptor& descriptor, Marks& marks,
                                          const Context& context) const;
  void add_mentioned(const std::vector<Digest>& mentions, const Marks& marks,
                     std::vector<Descriptor>& kept) const;
  Result<std::vector<Descriptor>> other_roots() const;
  Result<bool> are_roots_same() const;
  Outcome judge(const Digest& digest);
  Result<bool> may_go(const Digest& digest) const;
  Result<SweepResult> sweep(const Digest& digest, const BlobStatus& status);

  const LayoutReader& layout_;
  Engine* const engine_;
  const LayoutGraph graph_;  // for all passes: an unchanged document is read once
  const GcOptions& options_;
  const std::int64_t limit_ns_;
  std::shared_ptr<const References> references_;
  std::vector<Descriptor> other_roots_;
  std::unordered_set<Digest> reachable_;  // from both
  std::vector<Digest> blobs_;
  GcResult result_;
};

GcResult Collector::collect() {
  auto done = run();
  if (!done) result_.ended_by = std::move(done).error();
  result_.reachable = static_cast<std::uint64_t>(
      std::ranges::count_if(blobs_, [&](const Digest& digest) { return reachable_.contains(digest); }));
  std::ranges::sort(result_.removed, {}, &GcResult::Removed::digest);
  return std::move(result_);
}

Outcome Collector::run() {
  if (auto marked = mark(); !marked) return failed(marked.error());
  auto blobs = layout_.list_all_blobs(options_.context);
  if (!blobs) return failed(blobs.error());
  blobs_ = std::move(*blobs);
  for (const Digest& digest : blobs_)
    if (auto judged = judge(digest); !judged) return judged;
  if (engine_ == nullptr) return {};
  if (auto cleaned = engine_->clean(options_.context); !cleaned) return failed_to_write(cleaned.error());
  return {};
}

Status Collector::mark() {
  auto references = layout_.references(options_.context);
  for (;;) {
    if (!references) return fail(std::move(references).error());
    references_ = std::move(*references);
    auto others = other_roots();
    if (!others) return fail(std::move(others).error());
    other_roots_ = std::move(*others);
    auto marked = mark_from_roots();
    if (marked || marked.error().code() != Errc::not_found) return marked;
    // The document and its reference may have been removed in the meantime.
    references = layout_.references(options_.context);
    const auto is_same = are_roots_same();
    if (!is_same) return fail(Error(is_same.error()));
    if (references && *references == references_ && *is_same) return marked;
  }
}

// If it fails, earlier marks stay. Errc::not_found if a reference's own document is missing.
Status Collector::mark_from_roots() {
  std::vector<Descriptor> roots = references_->entries;
  roots.insert(roots.end(), other_roots_.begin(), other_roots_.end());
  if (!references_->problems.empty())
    return fail(Errc::invalid_image, "invalid reference: " + references_->problems.front());
  Marks marks;
  add_mentioned(digests_in(references_->document), marks, roots);
  const auto is_named = [&](const Digest& digest) {
    const auto names = [&](const Descriptor& root) { return root.digest == digest; };
    return std::ranges::any_of(references_->entries, names) || std::ranges::any_of(other_roots_, names);
  };
  const Handler mark = [&](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    marks.reachable.insert(descriptor.digest);
    auto kept = kept_by(descriptor, marks, context);
    if (kept) return Visit::to(std::move(*kept));
    if (kept.error().code() != Errc::not_found) return fail(std::move(kept).error());
    if (is_named(descriptor.digest))
      return fail(Errc::not_found,
                  descriptor.digest.str() + ": a reference's document is missing, so its blobs are unknown");
    if (!marks.optional.contains(descriptor.digest)) marks.problems.push_back(kept.error().message());
    return Visit();
  };
  auto walked = walk(roots, handlers({first_visits(), mark}), options_.context);
  if (!walked) return walked;
  reachable_ = std::move(marks.reachable);
  result_.problems = std::move(marks.problems);
  result_.notes = std::move(marks.notes);
  return {};
}

// Returns the children and the subject of a blob, and the blobs that it mentions.
Result<std::vector<Descriptor>> Collector::kept_by(const Descriptor& descriptor, Marks& marks,
                                                   const Context& context) const {
  std::vector<Descriptor> kept;
  if (is_config_type(descriptor.media_type)) {
    // A configuration has no children, even if it cannot be read.
    const auto config = graph_.read_config_document(descriptor, context);
    if (!config && config.error().code() == Errc::cancelled) return fail(Error(config.error()));
    if (config) add_mentioned((*config)->mentions, marks, kept);
    return kept;
  }
  const auto document = graph_.read(descriptor, context);
  if (!document) return fail(Error(document.error()));
  const GraphNode& node = (*document)->node;
  if (std::holds_alternative<std::monostate>(node)) return kept;
  if (const auto* index = std::get_if<Index>(&node)) {
    if (!index->problems.empty())
      return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
    for (const Descriptor& child : index->manifests) marks.optional.insert(child.digest);
  }
  const auto* unknown = std::get_if<UnknownDocument>(&node);
  if (unknown != nullptr && !unknown->mentioned.empty())
    marks.notes.push_back(describe(descriptor, *unknown));
  kept = children_and_subject_of(layout_, node);
  // The children of an unknown document are the blobs that it mentions.
  if (unknown == nullptr) add_mentioned((*document)->mentions, marks, kept);
  return kept;
}

// Adds the blobs of the store that `document` mentions, without media types. They come after its children, so
// that those are visited with their media types.
void Collector::add_mentioned(const std::vector<Digest>& mentions, const Marks& marks,
                              std::vector<Descriptor>& kept) const {
  std::unordered_set<Digest> known;
  for (const Descriptor& descriptor : kept) known.insert(descriptor.digest);
  for (const Digest& digest : mentions) {
    if (known.contains(digest) || marks.reachable.contains(digest)) continue;
    // If its existence is unknown, it stays: its reader reports the error.
    if (const auto is_there = layout_.exists(digest); is_there && !*is_there) continue;
    kept.push_back({.digest = digest});
  }
}

Result<std::vector<Descriptor>> Collector::other_roots() const {
  return options_.roots ? options_.roots() : std::vector<Descriptor>();
}

Result<bool> Collector::are_roots_same() const {
  const auto now = other_roots();
  if (!now) return fail(Error(now.error()));
  return *now == other_roots_;
}

// Decides about one blob, with the references at the moment of its removal.
Outcome Collector::judge(const Digest& digest) {
  if (reachable_.contains(digest)) return {};
  const auto agreed = may_go(digest);
  if (!agreed) return failed(Error(agreed.error()).with(digest.str()));
  if (!*agreed) {
    ++result_.spared;
    return {};
  }
  while (!reachable_.contains(digest)) {
    if (auto status = options_.context.check(); !status) return failed(status.error());
    const auto status = layout_.blob_status(digest);
    if (!status) return failed(status.error());
    if (!*status) return {};
    const auto is_same = are_roots_same();
    if (!is_same) return failed(is_same.error());
    if (!*is_same) {
      if (auto marked = mark(); !marked) return failed(marked.error());
      continue;
    }
    const auto swept = sweep(digest, **status);
    if (!swept) return failed_to_write(swept.error());
    switch (*swept) {
      case SweepResult::removed:
        result_.removed.push_back({digest, (*status)->size});
        return {};
      case SweepResult::young:
        ++result_.young;
        result_.young_bytes += (*status)->size;
        return {};
      case SweepResult::absent:
        return {};
      case SweepResult::references_changed:
        break;
    }
    if (auto marked = mark(); !marked) return failed(marked.error());
  }
  return {};
}

Result<bool> Collector::may_go(const Digest& digest) const {
  for (const GcPolicy& policy : options_.policies) {
    auto agreed = policy(digest);
    if (!agreed || !*agreed) return agreed;
  }
  return true;
}

Result<SweepResult> Collector::sweep(const Digest& digest, const BlobStatus& status) {
  if (engine_ != nullptr) return engine_->sweep_blob(digest, *references_, limit_ns_, options_.context);
  const bool is_kept = status.put_ns >= limit_ns_ || status.is_link_target;
  return is_kept ? SweepResult::young : SweepResult::removed;
}

}  // namespace

GcResult collect_garbage(Engine& engine, const GcOptions& options) {
  return Collector(engine, &engine, options).collect();
}

GcResult find_garbage(const LayoutReader& layout, const GcOptions& options) {
  return Collector(layout, nullptr, options).collect();
}

}  // namespace layoutfs
