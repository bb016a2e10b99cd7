#include "core/check/index_verify.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/parallel.h"
#include "core/check/index_check.h"
#include "core/check/span_memory.h"
#include "core/engines/stored_tar_split.h"
#include "core/erofs/stored_erofs.h"
#include "core/image/cached_tables.h"
#include "core/image/layer_stack.h"
#include "core/image/merge.h"
#include "core/layer/indexer.h"

namespace layoutfs {
namespace {

using CachedKind = IndexProblem::Kind;
using IndexPtr = std::shared_ptr<const LayerIndex>;

// The results for one layer, and its index if there is a valid one.
struct CheckedLayer {
  VerifyReport report;
  IndexPtr index;
  bool is_faulty = false;  // the report has a problem that its blob would cause again in trees
};

CacheKind cache_kind_of_tree(CachedKind kind) {
  switch (kind) {
    case CachedKind::layer_tree:
      return CacheKind::layer_tree;
    case CachedKind::stack_tree:
      return CacheKind::stack_tree;
    default:
      return CacheKind::image_tree;
  }
}

class IndexCheck {
 public:
  IndexCheck(const LayoutReader& reader, const IndexCache& cache, const VerifyProgress& progress,
             const Context& context)
      : reader_(reader), cache_(cache), progress_(progress), context_(context) {}

  Result<VerifyReport> run(const ImageSet& images);

 private:
  CheckedLayer check_layer(const Descriptor& layer) const;
  Status check_kept_index(const LayerIndex& index, const Descriptor& layer) const;
  // `is_first_fault` is asked if a layer has no index: the fault of one layer is reported once.
  using IndexOf = std::function<Result<IndexPtr>(const Descriptor&)>;
  using IsFirstFault = std::function<bool(const Digest&)>;
  void check_tree(CachedKind kind, const Digest& digest, std::span<const Descriptor> layers,
                  const IndexOf& index_of, const IsFirstFault& is_first_fault, VerifyReport& report) const;
  // Checks the files of all stacks of layers (LayerStack).
  Status check_stacks(const ImageSet& images, const IndexOf& index_of, const IsFirstFault& is_first_fault,
                      VerifyReport& report) const;
  // The cached files that are made of a tree.
  struct KeptFiles {
    std::optional<SharedBytes> tree;
    std::vector<std::pair<ErofsForm, SharedBytes>> erofs;
  };
  KeptFiles open_kept(CachedKind kind, const Digest& digest, std::size_t layer_count,
                      VerifyReport& report) const;
  static Status compare_erofs(const SharedBytes& erofs, const SharedBytes& tree_file, const Digest& digest,
                              ErofsForm form);
  Result<IndexPtr> build(const Descriptor& layer) const;

  const LayoutReader& reader_;
  const IndexCache& cache_;
  const VerifyProgress& progress_;
  const Context& context_;
  // Of all layers that are decoded at once.
  const std::shared_ptr<SpanCache> spans_ = std::make_shared<SpanCache>(kSpanMemory);
};

Status IndexCheck::check_kept_index(const LayerIndex& index, const Descriptor& layer) const {
  const auto blob = reader_.get_blob(layer.digest);
  if (!blob) return fail(Error(blob.error()));
  CheckProgress progress;
  if (progress_) progress = [&](std::uint64_t bytes_read) { progress_(layer, bytes_read); };
  return check_index(index, *blob, spans_, progress, context_);
}

// Builds a missing or invalid index in memory.
Result<IndexPtr> IndexCheck::build(const Descriptor& layer) const {
  auto blob = reader_.get_blob(layer.digest);
  if (!blob) return fail(std::move(blob).error());
  auto content = index_layer(std::move(*blob), layer.digest, {.context = context_});
  if (!content) return fail(std::move(content).error());
  return LayerIndex::open(SharedBytes::of(std::move(*content)), layer.digest);
}

void IndexCheck::check_tree(CachedKind kind, const Digest& digest, std::span<const Descriptor> layers,
                            const IndexOf& index_of, const IsFirstFault& is_first_fault,
                            VerifyReport& report) const {
  const bool is_of_layer = kind == CachedKind::layer_tree;
  const KeptFiles kept = open_kept(kind, digest, layers.size(), report);
  if (!kept.tree && kept.erofs.empty()) return;
  const auto add = [&](std::string message) {
    const CachedKind first = kept.tree ? kind : CachedKind::erofs;
    report.problems.push_back({first, digest, std::move(message)});
  };
  std::vector<IndexPtr> indexes;
  for (const Descriptor& layer : layers) {
    auto index = index_of(layer);
    if (!index && !is_first_fault(layer.digest)) return;
    if (!index)
      return add("cannot be compared: layer " + layer.digest.str() + ": " + index.error().message());
    indexes.push_back(std::move(*index));
  }
  auto merged = merge_layers(digest, indexes, is_of_layer ? Whiteouts::show : Whiteouts::apply);
  if (!merged) return add("cannot be compared: " + merged.error().message());
  const SharedBytes file = SharedBytes::of(std::move(*merged));
  // Equal trees give equal files.
  if (kept.tree && !std::ranges::equal(file.bytes, kept.tree->bytes))
    add(is_of_layer ? "tree differs from the layer" : "tree differs from the image's layers");
  for (const auto& [form, erofs] : kept.erofs)
    if (auto compared = compare_erofs(erofs, file, digest, form); !compared)
      report.problems.push_back({CachedKind::erofs, digest, compared.error().message()});
}

Status IndexCheck::check_stacks(const ImageSet& images, const IndexOf& index_of,
                                const IsFirstFault& is_first_fault, VerifyReport& report) const {
  std::unordered_set<Digest> seen;
  for (const ImageSet::Image& image : images.images) {
    for (std::size_t count = 1; count <= image.layers.size(); ++count) {
      if (auto go_on = context_.check(); !go_on) return go_on;
      const auto layers = std::span(image.layers).first(count);
      const Digest digest = digest_of(layers);
      if (!seen.insert(digest).second) continue;
      check_tree(CachedKind::stack_tree, digest, layers, index_of, is_first_fault, report);
      const auto record = check_cached_tar_split(cache_, digest);
      if (!record && record.error().code() != Errc::not_found)
        report.problems.push_back({CachedKind::tar_split, digest, record.error().message()});
    }
  }
  return {};
}

// Opens the files that are made of a tree, and reports those that are unusable.
IndexCheck::KeptFiles IndexCheck::open_kept(CachedKind kind, const Digest& digest, std::size_t layer_count,
                                            VerifyReport& report) const {
  KeptFiles kept;
  auto tree = open_cached_tree(cache_, cache_kind_of_tree(kind), digest, layer_count);
  if (tree || tree.error().code() != Errc::not_found) ++report.trees;
  if (tree)
    kept.tree = std::move(tree->file);
  else if (tree.error().code() != Errc::not_found)
    report.problems.push_back({kind, digest, tree.error().message()});
  std::vector<ErofsForm> forms;
  if (kind == CachedKind::image_tree) forms = {ErofsPlacement::two_devices, ErofsPlacement::appended};
  if (kind == CachedKind::layer_tree) forms = {{ErofsPlacement::appended, ErofsContent::layer}};
  for (const ErofsForm form : forms) {
    auto erofs = open_cached_erofs(cache_, digest, form);
    if (erofs || erofs.error().code() != Errc::not_found) ++report.filesystems;
    if (erofs)
      kept.erofs.emplace_back(form, erofs->image->file);
    else if (erofs.error().code() != Errc::not_found)
      report.problems.push_back({CachedKind::erofs, digest, erofs.error().message()});
  }
  return kept;
}

Status IndexCheck::compare_erofs(const SharedBytes& erofs, const SharedBytes& tree_file, const Digest& digest,
                                 ErofsForm form) {
  const auto tree = ImageTree::open(tree_file, digest);
  if (!tree) return fail(Error(tree.error()));
  const auto made = make_erofs(**tree, digest, form);
  if (!made) return fail(Error(made.error()));
  if (!std::ranges::equal(made->file.bytes, erofs.bytes))
    return fail(Errc::corrupt, form.content == ErofsContent::layer
                                   ? "EROFS metadata differs from the layer"
                                   : "EROFS metadata differs from the image's layers");
  return {};
}

CheckedLayer IndexCheck::check_layer(const Descriptor& layer) const {
  CheckedLayer checked;
  VerifyReport& report = checked.report;
  auto kept = open_cached_index(cache_, layer);
  if (!kept && kept.error().code() == Errc::not_found) {
    ++report.missing;
  } else {
    ++report.indexes;
    const Status status = kept ? check_kept_index(*kept->tables, layer) : Status(fail(Error(kept.error())));
    if (status)
      checked.index = std::move(kept->tables);
    else
      report.problems.push_back({CachedKind::index, layer.digest, status.error().message()});
    checked.is_faulty = !status;
  }
  check_tree(
      CachedKind::layer_tree, layer.digest, std::span(&layer, 1),
      [&](const Descriptor&) { return checked.index ? Result<IndexPtr>(checked.index) : build(layer); },
      [&](const Digest&) { return !std::exchange(checked.is_faulty, true); }, report);
  return checked;
}

Result<VerifyReport> IndexCheck::run(const ImageSet& images) {
  const std::vector<Descriptor> layers = images.layers();
  std::vector<CheckedLayer> checked(layers.size());
  for_each_in_parallel(layers.size(), [&](std::size_t i) {
    if (context_.check()) checked[i] = check_layer(layers[i]);
  });

  VerifyReport report;
  std::unordered_map<Digest, IndexPtr> indexes;
  std::unordered_set<Digest> faulty;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    VerifyReport& part = checked[i].report;
    report.indexes += part.indexes;
    report.trees += part.trees;
    report.filesystems += part.filesystems;
    report.missing += part.missing;
    std::ranges::move(part.problems, std::back_inserter(report.problems));
    indexes.emplace(layers[i].digest, std::move(checked[i].index));
    if (checked[i].is_faulty) faulty.insert(layers[i].digest);
  }
  const IndexOf index_of = [&](const Descriptor& layer) -> Result<IndexPtr> {
    if (const IndexPtr& index = indexes.at(layer.digest)) return index;
    return build(layer);
  };
  const IsFirstFault is_first_fault = [&](const Digest& layer) { return faulty.insert(layer).second; };
  // One at a time, because merging may take much memory.
  for (const ImageSet::Image& image : images.images) {
    if (auto go_on = context_.check(); !go_on) return fail(std::move(go_on).error());
    check_tree(CachedKind::image_tree, image.manifest.digest, image.layers, index_of, is_first_fault, report);
  }
  if (auto done = check_stacks(images, index_of, is_first_fault, report); !done)
    return fail(std::move(done).error());
  // Cancellation would look like a problem.
  if (auto go_on = context_.check(); !go_on) return fail(std::move(go_on).error());
  return report;
}

}  // namespace

std::string_view name_of(IndexProblem::Kind kind) noexcept {
  switch (kind) {
    case CachedKind::index:
      return "index";
    case CachedKind::layer_tree:
      return "layer-tree";
    case CachedKind::image_tree:
      return "image-tree";
    case CachedKind::stack_tree:
      return "stack-tree";
    case CachedKind::tar_split:
      return "tar-split";
    case CachedKind::erofs:
      return "erofs";
  }
  return "unknown";
}

Result<VerifyReport> verify_indexes(const LayoutReader& reader, const IndexCache& cache,
                                    const ImageSet& images, const VerifyProgress& progress,
                                    const Context& context) {
  return IndexCheck(reader, cache, progress, context).run(images);
}

Result<VerifyReport> verify_indexes(const LayoutReader& layout, const std::string& cache_directory,
                                    const VerifyProgress& progress, const Context& context) {
  const auto images = all_images(layout, context);
  if (!images) return fail(Error(images.error()));
  return verify_indexes(layout, IndexCache(cache_directory), *images, progress, context);
}

}  // namespace layoutfs
