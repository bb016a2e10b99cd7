// Verifies a layout: first its documents against each other, then every blob.
#include "layoutfs/fsck.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/base/guarded.h"
#include "core/check/fsck_blob.h"
#include "core/check/fsck_documents.h"
#include "core/check/span_memory.h"
#include "core/image/cached_tables.h"

namespace layoutfs {
namespace {

// The index of a smaller layer saves no time.
constexpr std::uint64_t kLeastIndexed = std::uint64_t{256} << 10;  // bytes

struct ListedBlob {
  Digest digest;
  std::uint64_t size;  // bytes
};

// Returns all blobs of the layout, the largest first, so that no thread ends long after the others.
Result<std::vector<ListedBlob>> list_blobs(const LayoutReader& reader, const Context& context) {
  const auto digests = reader.list_all_blobs(context);
  if (!digests) return fail(Error(digests.error()));
  std::vector<ListedBlob> blobs;
  for (const Digest& digest : *digests) {
    if (auto status = context.check(); !status) return fail(std::move(status).error());
    const auto found = reader.blob_status(digest);
    // A blob that was removed is ignored. If its size is unknown, reading it reports the error.
    if (!found || *found) blobs.push_back({digest, found ? (*found)->size : 0});
  }
  std::ranges::sort(blobs, std::ranges::greater(), &ListedBlob::size);
  return blobs;
}

// Returns whether the blob itself is damaged, and not only a document about it.
bool can_be_repaired(const FsckProblem& problem) {
  using Kind = FsckProblem::Kind;
  return problem.digest && (problem.kind == Kind::missing_blob || problem.kind == Kind::wrong_digest ||
                            problem.kind == Kind::unreadable);
}

// Reads everything reachable from the references. A repaired document may lead to more missing blobs.
Result<std::unique_ptr<DocumentCheck>> read_documents(const LayoutGraph& graph, const References& references,
                                                      const FsckOptions& options) {
  for (;;) {
    auto documents = std::make_unique<DocumentCheck>(graph);
    if (auto status = documents->read(references, options.context); !status)
      return fail(std::move(status).error());
    if (options.repair == nullptr) return documents;
    const std::size_t before = options.repair->repaired().size();
    for (const FsckProblem& problem : documents->problems()) {
      if (!can_be_repaired(problem)) continue;
      if (const auto repaired = options.repair->repair(*problem.digest, options.context); !repaired)
        return fail(Error(repaired.error()));
    }
    const auto children = index_children_of(graph, references.entries, options.context);
    if (!children) return fail(Error(children.error()));
    std::vector<Digest> lost;  // decided for all of them before the first one is repaired
    for (const AbsentChild& absent : children->absent)
      if (options.repair->was_lost(absent)) lost.push_back(absent.child.digest);
    for (const Digest& digest : lost)
      if (const auto repaired = options.repair->repair(digest, options.context); !repaired)
        return fail(Error(repaired.error()));
    if (options.repair->repaired().size() == before) return documents;
  }
}

// Counts the checked bytes and calls the progress callback.
class Progress {
 public:
  Progress(const FsckOptions& options, const std::vector<ListedBlob>& blobs) : tell_(options.progress) {
    for (const ListedBlob& blob : blobs) total_ += blob.size;
  }
  void add(std::uint64_t bytes) {
    if (!tell_ || bytes == 0) return;
    auto done = done_.lock();
    *done += bytes;
    tell_(*done, total_);
  }

 private:
  const std::function<void(std::uint64_t, std::uint64_t)>& tell_;
  std::uint64_t total_ = 0;
  Guarded<std::uint64_t> done_{0};
};

// Checks blobs in order, in any number of threads, until all are done or an error occurs.
class BlobPass {
 public:
  BlobPass(const LayoutReader& reader, const FsckOptions& options, const std::vector<ListedBlob>& blobs,
           const DocumentCheck& documents)
      : reader_(reader), options_(options), blobs_(blobs), documents_(documents), progress_(options, blobs) {}

  // Returns counts and problems. Errc::cancelled.
  Result<FsckReport> run();

 private:
  struct Outcome {
    FsckReport report;
    std::optional<Error> error;
    std::exception_ptr exception;  // out of memory, or from the progress callback
  };
  void work() noexcept;
  Status check_one(const ListedBlob& listed);
  Result<bool> was_repaired(const BlobFindings& findings, const Digest& digest);
  void add(BlobFindings findings, const Digest& digest);
  std::optional<IndexedLayer> index_of(const ListedBlob& listed, const ExpectedDiffIds* layer) const;
  unsigned thread_count() const;

  const LayoutReader& reader_;
  const FsckOptions& options_;
  const std::vector<ListedBlob>& blobs_;
  const DocumentCheck& documents_;
  Progress progress_;
  const IndexCache cache_{options_.cache_directory};
  const std::shared_ptr<SpanCache> spans_ = std::make_shared<SpanCache>(kSpanMemory);  // of all threads
  std::atomic<std::size_t> next_ = 0;
  Guarded<Outcome> outcome_;
};

Result<FsckReport> BlobPass::run() {
  {
    std::vector<std::jthread> others;
    try {
      for (unsigned i = 1; i < thread_count(); ++i) others.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // Continue with the threads that could be started.
    }
    work();
  }
  auto outcome = outcome_.lock();
  if (outcome->exception) std::rethrow_exception(outcome->exception);
  if (outcome->error) return fail(Error(*outcome->error));
  return std::move(outcome->report);
}

unsigned BlobPass::thread_count() const {
  const unsigned wanted = options_.threads == 0 ? std::thread::hardware_concurrency() : options_.threads;
  return static_cast<unsigned>(std::min<std::size_t>(std::clamp(wanted, 1U, kMaxFsckThreads), blobs_.size()));
}

void BlobPass::work() noexcept {
  try {
    for (std::size_t i = next_++; i < blobs_.size(); i = next_++) {
      auto checked = check_one(blobs_[i]);
      if (checked) continue;
      next_ = blobs_.size();
      outcome_.lock()->error = std::move(checked).error();
    }
  } catch (...) {
    next_ = blobs_.size();
    outcome_.lock()->exception = std::current_exception();
  }
}

Status BlobPass::check_one(const ListedBlob& listed) {
  std::uint64_t told = 0;
  const auto tell = [&](std::uint64_t bytes) {
    // The blob may have grown; never report more than the total.
    const std::uint64_t more = std::min(bytes, listed.size - told);
    told += more;
    progress_.add(more);
  };
  const ExpectedDiffIds* const layer = documents_.layer(listed.digest);
  if (const auto size = documents_.verified_size(listed.digest); size && layer == nullptr) {
    tell(listed.size);
    add({.is_read = true, .bytes = *size}, listed.digest);
    return {};
  }
  const auto check = [&] {
    const auto on_bytes = [&](std::uint64_t bytes) {
      tell(bytes);
      return options_.context.check();
    };
    return check_blob(reader_, listed.digest, layer, on_bytes, index_of(listed, layer), options_.context);
  };
  auto findings = check();
  if (!findings) return fail(std::move(findings).error());
  const auto repaired = was_repaired(*findings, listed.digest);
  if (!repaired) return fail(Error(repaired.error()));
  if (*repaired) findings = check();
  if (!findings) return fail(std::move(findings).error());
  tell(listed.size);
  add(std::move(*findings), listed.digest);
  return {};
}

// Returns nullopt if the layer has no valid index, or is too small to need one.
std::optional<IndexedLayer> BlobPass::index_of(const ListedBlob& listed, const ExpectedDiffIds* layer) const {
  if (layer == nullptr || listed.size < kLeastIndexed) return std::nullopt;
  const Descriptor descriptor{.media_type = {}, .digest = listed.digest, .size = listed.size};
  auto index = open_cached_index(cache_, descriptor);
  if (!index) return std::nullopt;
  return IndexedLayer{std::move(index->tables), spans_};
}

Result<bool> BlobPass::was_repaired(const BlobFindings& findings, const Digest& digest) {
  if (options_.repair == nullptr || std::ranges::none_of(findings.problems, can_be_repaired)) return false;
  // An unreferenced blob that was removed in the meantime is not a problem.
  if (findings.problems.front().kind == FsckProblem::Kind::missing_blob && !documents_.leads_to(digest))
    return false;
  return options_.repair->repair(digest, options_.context);
}

void BlobPass::add(BlobFindings findings, const Digest& digest) {
  auto outcome = outcome_.lock();
  FsckReport& report = outcome->report;
  report.blobs += findings.is_read ? 1 : 0;
  report.bytes += findings.bytes;
  report.diff_ids += findings.diff_ids;
  for (FsckProblem& problem : findings.problems) {
    // An unreferenced blob that was removed in the meantime is not a problem.
    if (problem.kind == FsckProblem::Kind::missing_blob && !documents_.leads_to(digest)) continue;
    report.problems.push_back(std::move(problem));
  }
}

auto order_of(const FsckProblem& problem) { return std::tie(problem.digest, problem.kind, problem.message); }

// The same fault may be found through several documents, and again in the blob.
bool is_same(const FsckProblem& a, const FsckProblem& b) {
  using Kind = FsckProblem::Kind;
  const bool is_of_the_blob =
      a.kind == Kind::missing_blob || a.kind == Kind::wrong_digest || a.kind == Kind::unreadable;
  return a.digest == b.digest && a.kind == b.kind && (is_of_the_blob || a.message == b.message);
}

// Sorts; removes duplicates, and size problems of damaged blobs.
void tidy(std::vector<FsckProblem>& problems) {
  std::ranges::sort(problems, {}, order_of);
  const auto [first, last] = std::ranges::unique(problems, is_same);
  problems.erase(first, last);
  std::set<Digest> damaged, unreadable;
  for (const FsckProblem& problem : problems)
    if (problem.kind == FsckProblem::Kind::wrong_digest) damaged.insert(*problem.digest);
  // A blob missing behind a symlink is reported with the link.
  for (const FsckProblem& problem : problems)
    if (problem.kind == FsckProblem::Kind::unreadable && problem.digest) unreadable.insert(*problem.digest);
  std::erase_if(problems, [&](const FsckProblem& problem) {
    return (problem.kind == FsckProblem::Kind::wrong_size && damaged.contains(*problem.digest)) ||
           (problem.kind == FsckProblem::Kind::missing_blob && unreadable.contains(*problem.digest));
  });
}

void explain(std::vector<FsckProblem>& problems, const BlobRepair& repair) {
  for (FsckProblem& problem : problems) {
    const std::string reason = can_be_repaired(problem) ? repair.failure(*problem.digest) : "";
    if (!reason.empty()) problem.message += "; not repaired: " + reason;
  }
}

}  // namespace

std::string_view name_of(FsckProblem::Kind kind) noexcept {
  switch (kind) {
    case FsckProblem::Kind::missing_blob:
      return "missing-blob";
    case FsckProblem::Kind::wrong_digest:
      return "wrong-digest";
    case FsckProblem::Kind::wrong_size:
      return "wrong-size";
    case FsckProblem::Kind::wrong_diff_id:
      return "wrong-diff-id";
    case FsckProblem::Kind::broken_layer:
      return "broken-layer";
    case FsckProblem::Kind::broken_document:
      return "broken-document";
    case FsckProblem::Kind::broken_reference:
      return "broken-reference";
    case FsckProblem::Kind::unreadable:
      return "unreadable";
  }
  return "unknown";
}

Result<FsckReport> check_layout(const LayoutReader& reader, const FsckOptions& options) {
  const auto references = reader.references(options.context);
  if (!references) return fail(Error(references.error()));
  const LayoutGraph graph(reader);
  auto documents = read_documents(graph, **references, options);
  if (!documents) return fail(std::move(documents).error());
  const auto blobs = list_blobs(reader, options.context);
  if (!blobs) return fail(Error(blobs.error()));
  auto report = BlobPass(reader, options, *blobs, **documents).run();
  if (!report) return report;
  // The statements of documents about blobs that have been repaired.
  if (options.repair != nullptr) documents = read_documents(graph, **references, options);
  if (!documents) return fail(std::move(documents).error());
  report->references = (*references)->entries.size();
  report->documents = (*documents)->documents();
  const auto& problems = (*documents)->problems();
  report->problems.insert(report->problems.end(), problems.begin(), problems.end());
  tidy(report->problems);
  report->absent = (*documents)->absent();
  report->notes = (*documents)->notes();
  if (options.repair != nullptr) explain(report->problems, *options.repair);
  return report;
}

}  // namespace layoutfs
