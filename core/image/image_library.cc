// Builds, loads and shares layers and images. The parts:
// - ResultCache (result_cache.h) maps digests to open layers and images, and to recent failures. An entry
//   lives while it is used or is among the recently opened.
// - RecentlyOpened keeps the most recently used ones open, for all libraries with the same resources, within
//   a number of mapped files.
// - SingleFlight lets one thread open a digest while others wait for it.
//
// open_once() joins them. It looks in the results; otherwise, within the flight, it looks again, opens the
// layer or image, and stores the result. Transient errors are not stored. Invariants: at most one thread
// opens a digest; nothing is opened while a lock is held.
#include "core/image/image_library.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <utility>

#include "core/base/memory.h"
#include "core/base/parallel.h"
#include "core/base/single_flight.h"
#include "core/image/cached_tables.h"
#include "core/image/merge.h"
#include "core/image/result_cache.h"
#include "core/layer/indexer.h"
#include "core/oci/media_types.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

using Clock = std::chrono::steady_clock;

std::string seconds_text(Clock::duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(duration).count());
  return text;
}

// A missing file is normal, and not logged.
void log_unusable(const std::string& what, const Error& error) {
  if (error.code() != Errc::not_found) log(LogLevel::info, what + ": " + error.message() + "; rebuilding it");
}

}  // namespace

struct LibraryResources::State {
  State(IndexCache cache_, LibraryOptions options_)
      : cache(std::move(cache_)),
        options(std::move(options_)),
        spans(std::make_shared<SpanCache>(options.cache_size)),
        recent(options.max_mapped_files) {
    if (options.cache_disk > 0 && cache.files())
      copies =
          std::make_shared<CopyDirectory>(cache.files(), CopyDirectoryOptions{.budget = options.cache_disk});
  }

  IndexCache cache;
  const LibraryOptions options;
  const std::shared_ptr<SpanCache> spans;
  RecentlyOpened recent;
  const std::shared_ptr<DocumentCache> documents = std::make_shared<DocumentCache>();
  std::shared_ptr<CopyDirectory> copies;  // null if decoded copies are not used
  std::atomic<std::uint64_t> indexes_built = 0, indexes_loaded = 0, trees_built = 0, trees_loaded = 0;
};

LibraryResources::LibraryResources(IndexCache cache, LibraryOptions options)
    : state_(std::make_unique<State>(std::move(cache), std::move(options))) {}
LibraryResources::~LibraryResources() = default;

const LibraryOptions& LibraryResources::options() const noexcept { return state_->options; }

IndexCache LibraryResources::cache() const { return state_->cache; }

LibraryStats LibraryResources::stats() const {
  return {.indexes_built = state_->indexes_built,
          .indexes_loaded = state_->indexes_loaded,
          .trees_built = state_->trees_built,
          .trees_loaded = state_->trees_loaded};
}

SpanCacheStats LibraryResources::span_stats() const { return state_->spans->stats(); }

CopyStats LibraryResources::copy_stats() const {
  return state_->copies ? state_->copies->stats() : CopyStats();
}

struct ImageLibrary::State {
  State(std::shared_ptr<const LayoutReader> reader_, std::shared_ptr<const LibraryResources> resources_,
        LibraryResources::State& common_)
      : reader(std::move(reader_)),
        resources(std::move(resources_)),
        common(common_),
        graph(*reader, {.cache = common.documents}) {}
  ~State() { common.recent.release(this); }

  Result<LayerPtr> open_layer(const Descriptor& descriptor, const Context& context);
  std::shared_ptr<const LayerIndex> load_index(const Descriptor& descriptor);
  Result<std::shared_ptr<const LayerIndex>> build_index(const Descriptor& descriptor, const Context& context);
  Status check_layer(const Descriptor& descriptor) const;
  LayerPtr make_layer(const Digest& digest, std::shared_ptr<const LayerIndex> index) const;
  std::shared_ptr<const ImageTree> load_tree(CacheKind kind, const Digest& digest, std::size_t layer_count);
  Result<ImagePtr> open_image(const Descriptor& manifest, ImageLibrary& library, const Context& context);
  Result<std::vector<LayerPtr>> open_layers(const std::vector<Descriptor>& descriptors, ImageLibrary& library,
                                            const Context& context);
  Result<ImagePtr> assemble(CacheKind kind, const Digest& digest, const std::vector<LayerPtr>& layers,
                            Whiteouts whiteouts);
  bool is_index_cached(const Descriptor& layer);

  const std::shared_ptr<const LayoutReader> reader;
  const std::shared_ptr<const LibraryResources> resources;
  LibraryResources::State& common;  // of `resources`
  LayoutGraph graph;

  ResultCache<Layer> layer_results{this, common.recent, common.options.failures_remembered};
  ResultCache<Image> layer_tree_results{this, common.recent, common.options.failures_remembered},
      image_results{this, common.recent, common.options.failures_remembered},
      stack_results{this, common.recent, common.options.failures_remembered};
  SingleFlight<Digest, LayerPtr> layer_flights{LockLevel::layer};
  SingleFlight<Digest, ImagePtr> layer_tree_flights{LockLevel::image}, image_flights{LockLevel::image},
      stack_flights{LockLevel::image};
};

// The blob must exist and have the expected size; the index vouches for its content.
Status ImageLibrary::State::check_layer(const Descriptor& descriptor) const {
  if (!is_layer_type(descriptor.media_type))
    return fail(Errc::unsupported, "media type '" + descriptor.media_type + "' is not that of a layer");
  const auto size = reader->blob_size(descriptor.digest);
  if (!size) return std::unexpected(size.error());
  const std::string name = "blob " + descriptor.digest.str();
  if (!*size) return fail(Errc::not_found, name + " is missing");
  if (**size != descriptor.size)
    return fail(Errc::corrupt, name + ": has " + std::to_string(**size) + " bytes, but its descriptor has " +
                                   std::to_string(descriptor.size));
  return {};
}

std::shared_ptr<const LayerIndex> ImageLibrary::State::load_index(const Descriptor& descriptor) {
  auto kept = open_cached_index(common.cache, descriptor);
  if (!kept) {
    log_unusable("index of " + descriptor.digest.str(), kept.error());
    return nullptr;
  }
  ++common.indexes_loaded;
  log(LogLevel::debug, "index of " + descriptor.digest.str() + ": loaded");
  return std::move(kept->tables);
}

Result<std::shared_ptr<const LayerIndex>> ImageLibrary::State::build_index(const Descriptor& descriptor,
                                                                           const Context& context) {
  const auto start = Clock::now();
  if (auto ready = common.cache.prepare(CacheKind::layer_index, descriptor.digest); !ready)
    return std::unexpected(std::move(ready).error());
  auto blob = reader->get_blob(descriptor.digest);
  if (!blob) return std::unexpected(std::move(blob).error());
  IndexingOptions indexing;
  indexing.context = context;
  if (common.options.progress)
    indexing.progress = [&](std::uint64_t bytes_read) { common.options.progress(descriptor, bytes_read); };
  auto content = index_layer(std::move(*blob), descriptor.digest, indexing);
  if (!content) return std::unexpected(std::move(content).error());
  auto file = common.cache.store(CacheKind::layer_index, descriptor.digest, std::move(*content));
  if (!file) return std::unexpected(std::move(file).error());
  auto index = LayerIndex::open(std::move(*file), descriptor.digest);
  if (!index) return index;
  ++common.indexes_built;
  log(LogLevel::info, "index of " + descriptor.digest.str() + ": built in " +
                          seconds_text(Clock::now() - start) + ", " +
                          std::to_string((*index)->entry_count()) + " entries, " +
                          std::to_string((*index)->stream().points.size()) + " points");
  return index;
}

LayerPtr ImageLibrary::State::make_layer(const Digest& digest,
                                         std::shared_ptr<const LayerIndex> index) const {
  std::optional<CopyPlace> copy;
  if (common.copies) copy = CopyPlace{common.copies, digest};
  auto stream = std::make_shared<const LayerStream>(
      [reader = reader, digest] { return reader->get_blob(digest); }, index->stream(), common.spans,
      common.options.verify, std::move(copy));
  return std::make_shared<const Layer>(Layer{std::move(index), std::move(stream)});
}

Result<LayerPtr> ImageLibrary::State::open_layer(const Descriptor& descriptor, const Context& context) {
  if (auto index = load_index(descriptor)) return make_layer(descriptor.digest, std::move(index));
  auto index = build_index(descriptor, context);
  if (!index) return std::unexpected(std::move(index).error());
  return make_layer(descriptor.digest, std::move(*index));
}

std::shared_ptr<const ImageTree> ImageLibrary::State::load_tree(CacheKind kind, const Digest& digest,
                                                                std::size_t layer_count) {
  auto kept = open_cached_tree(common.cache, kind, digest, layer_count);
  if (!kept) {
    log_unusable("tree of " + digest.str(), kept.error());
    return nullptr;
  }
  ++common.trees_loaded;
  log(LogLevel::debug, "tree of " + digest.str() + ": loaded");
  return std::move(kept->tables);
}

// Reports the errors of layers first, from the base to the top.
Result<std::vector<LayerPtr>> ImageLibrary::State::open_layers(const std::vector<Descriptor>& descriptors,
                                                               ImageLibrary& library,
                                                               const Context& context) {
  std::vector<std::optional<Result<LayerPtr>>> opened(descriptors.size());
  for_each_in_parallel(descriptors.size(),
                       [&](std::size_t i) { opened[i] = library.layer(descriptors[i], context); });
  std::vector<LayerPtr> layers;
  for (std::size_t i = 0; i < opened.size(); ++i) {
    if (!*opened[i])
      return fail(Error(opened[i]->error()),
                  "layer " + std::to_string(i) + " (" + descriptors[i].digest.str() + ")");
    layers.push_back(std::move(**opened[i]));
  }
  return layers;
}

Result<ImagePtr> ImageLibrary::State::assemble(CacheKind kind, const Digest& digest,
                                               const std::vector<LayerPtr>& layers, Whiteouts whiteouts) {
  auto tree = load_tree(kind, digest, layers.size());
  if (!tree) {
    std::vector<std::shared_ptr<const LayerIndex>> indexes;
    for (const LayerPtr& layer : layers) indexes.push_back(layer->index);
    auto content = merge_layers(digest, indexes, whiteouts);
    if (!content) return std::unexpected(std::move(content).error());
    auto file = common.cache.store(kind, digest, std::move(*content));
    if (!file) return std::unexpected(std::move(file).error());
    auto opened = ImageTree::open(std::move(*file), digest);
    if (!opened) return std::unexpected(std::move(opened).error());
    tree = std::move(*opened);
    ++common.trees_built;
    release_free_memory();
    log(LogLevel::debug,
        "tree of " + digest.str() + ": built, " + std::to_string(tree->inode_count()) + " inodes");
  }
  for (const std::string& problem : tree->problems())
    log(LogLevel::info, "tree of " + digest.str() + ": " + problem);
  std::vector<std::shared_ptr<const LayerStream>> streams;
  std::vector<Digest> digests;
  for (const LayerPtr& layer : layers) {
    // An open image keeps its layers open, for other images with the same layers.
    streams.emplace_back(layer, layer->stream.get());
    digests.push_back(layer->index->blob());
  }
  return std::make_shared<const Image>(std::move(tree), std::move(streams), std::move(digests));
}

namespace {
// image-spec config.md: diff_ids have the order of the layers.
Status check_diff_ids(std::span<const Digest> diff_ids, const std::vector<LayerPtr>& layers) {
  if (auto checked = check_diff_id_count(diff_ids.size(), layers.size()); !checked) return checked;
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (auto checked = check_diff_id(layers[i]->index->facts(), diff_ids[i]); !checked)
      return fail(std::move(checked).error(),
                  "layer " + std::to_string(i) + " (" + layers[i]->index->blob().str() + ")");
  return {};
}
}  // namespace

Result<ImagePtr> ImageLibrary::State::open_image(const Descriptor& descriptor, ImageLibrary& library,
                                                 const Context& context) {
  const auto read_manifest = graph.manifest(descriptor, context);
  if (!read_manifest) return std::unexpected(read_manifest.error());
  const Manifest* const manifest = read_manifest->get();
  if (auto checked = check_image_manifest(*manifest); !checked) return fail(std::move(checked).error());
  std::shared_ptr<const ImageConfig> config;
  if (is_config_type(manifest->config.media_type)) {
    auto read = graph.config(manifest->config, context);
    if (!read) return std::unexpected(std::move(read).error());
    config = std::move(*read);
  }
  const auto layers = open_layers(manifest->layers, library, context);
  if (!layers) return std::unexpected(layers.error());
  if (config)
    if (auto checked = check_diff_ids(config->diff_ids, *layers); !checked)
      return std::unexpected(std::move(checked).error());
  return assemble(CacheKind::image_tree, descriptor.digest, *layers, Whiteouts::apply);
}

bool ImageLibrary::State::is_index_cached(const Descriptor& layer) {
  if (const auto found = layer_results.find(layer.digest)) return found->has_value();
  return open_cached_index(common.cache, layer).has_value();
}

ImageLibrary::ImageLibrary(std::shared_ptr<const LayoutReader> reader, IndexCache cache,
                           LibraryOptions options)
    : ImageLibrary(std::move(reader),
                   std::make_shared<const LibraryResources>(std::move(cache), std::move(options))) {}
ImageLibrary::ImageLibrary(std::shared_ptr<const LayoutReader> reader,
                           std::shared_ptr<const LibraryResources> resources)
    : state_(std::make_unique<State>(std::move(reader), resources, *resources->state_)) {}
ImageLibrary::~ImageLibrary() = default;

namespace {

bool is_transient(const Error& error) {
  return error.code() == Errc::cancelled || error.sys() == ENOMEM || error.sys() == EMFILE ||
         error.sys() == ENFILE;
}

// Returns the stored result, or opens it once for all threads that need it. If that thread is cancelled,
// another one opens it.
template <class T, class Open>
Result<std::shared_ptr<const T>> open_once(ResultCache<T>& results,
                                           SingleFlight<Digest, std::shared_ptr<const T>>& flights,
                                           const Digest& digest, const Context& context, Open&& open) {
  using Value = std::shared_ptr<const T>;
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (auto found = results.find(digest)) return std::move(*found);
  const auto open_now = [&]() -> Result<Value> {
    // Another thread may have opened it in the meantime.
    if (auto found = results.find(digest)) return std::move(*found);
    auto opened = open();
    // Cancellation and lack of memory or descriptors are not properties of the image.
    if (!opened && is_transient(opened.error())) return opened;
    return results.put(digest, std::move(opened));
  };
  return flights.run(digest, open_now, context);
}

}  // namespace

Result<LayerPtr> ImageLibrary::layer(const Descriptor& descriptor, const Context& context) {
  if (auto checked = state_->check_layer(descriptor); !checked)
    return std::unexpected(std::move(checked).error());
  return open_once(state_->layer_results, state_->layer_flights, descriptor.digest, context,
                   [&] { return state_->open_layer(descriptor, context); });
}

Result<ImagePtr> ImageLibrary::layer_tree(const Descriptor& descriptor, const Context& context) {
  return open_once(state_->layer_tree_results, state_->layer_tree_flights, descriptor.digest, context,
                   [&]() -> Result<ImagePtr> {
                     auto opened = layer(descriptor, context);
                     if (!opened) return std::unexpected(std::move(opened).error());
                     return state_->assemble(CacheKind::layer_tree, descriptor.digest, {std::move(*opened)},
                                             Whiteouts::show);
                   });
}

Result<ImagePtr> ImageLibrary::image(const Descriptor& manifest, const Context& context) {
  return open_once(state_->image_results, state_->image_flights, manifest.digest, context,
                   [&] { return state_->open_image(manifest, *this, context); });
}

ImagePtr ImageLibrary::image_if_ready(const Descriptor& descriptor) {
  if (const auto found = state_->image_results.find(descriptor.digest)) return found->value_or(nullptr);
  const auto manifest = state_->graph.manifest(descriptor);
  if (!manifest) return nullptr;
  const bool is_ready = state_->common.cache.load(CacheKind::image_tree, descriptor.digest).has_value() &&
                        std::ranges::all_of((*manifest)->layers, [&](const Descriptor& layer) {
                          return state_->is_index_cached(layer);
                        });
  return is_ready ? image(descriptor).value_or(nullptr) : nullptr;
}

ImagePtr ImageLibrary::layer_tree_if_ready(const Descriptor& descriptor) {
  if (const auto found = state_->layer_tree_results.find(descriptor.digest)) return found->value_or(nullptr);
  const bool is_ready = state_->common.cache.load(CacheKind::layer_tree, descriptor.digest) &&
                        state_->is_index_cached(descriptor);
  return is_ready ? layer_tree(descriptor).value_or(nullptr) : nullptr;
}

Result<ImagePtr> ImageLibrary::stack(const LayerStack& stack, const Context& context) {
  const Digest digest = digest_of(stack);
  auto image =
      open_once(state_->stack_results, state_->stack_flights, digest, context, [&]() -> Result<ImagePtr> {
        auto layers = state_->open_layers(stack.layers, *this, context);
        if (!layers) return fail(std::move(layers).error());
        return state_->assemble(CacheKind::stack_tree, digest, *layers, Whiteouts::apply);
      });
  if (!image) return image;
  // Not part of the result: configs with other diff_ids may have the same layers.
  const auto layers = state_->open_layers(stack.layers, *this, context);
  if (!layers) return fail(Error(layers.error()));
  if (auto checked = check_diff_ids(stack.diff_ids, *layers); !checked)
    return fail(std::move(checked).error());
  return image;
}

ImagePtr ImageLibrary::stack_if_ready(const LayerStack& stack) {
  const Digest digest = digest_of(stack);
  if (const auto found = state_->stack_results.find(digest); found && !*found) return nullptr;
  const bool is_ready = state_->common.cache.load(CacheKind::stack_tree, digest).has_value() &&
                        std::ranges::all_of(stack.layers, [&](const Descriptor& layer) {
                          return state_->is_index_cached(layer);
                        });
  return is_ready ? this->stack(stack).value_or(nullptr) : nullptr;
}

std::optional<LayerFacts> ImageLibrary::facts_if_known(const Descriptor& layer) const {
  if (const auto found = state_->layer_results.find(layer.digest))
    return *found ? std::optional((**found)->index->facts()) : std::nullopt;
  const auto file = state_->common.cache.load(CacheKind::layer_index, layer.digest);
  auto facts = file ? LayerFacts::read(file->bytes, layer.digest) : fail(Error(file.error()));
  if (!facts || facts->blob_size != layer.size) return std::nullopt;
  return std::move(*facts);
}

void ImageLibrary::release() {
  state_->stack_results.clear();
  state_->image_results.clear();
  state_->layer_tree_results.clear();
  state_->layer_results.clear();
  state_->common.recent.release(state_.get());
  state_->graph.release();
}

const LayoutReader& ImageLibrary::reader() const noexcept { return *state_->reader; }

const LayoutGraph& ImageLibrary::graph() const noexcept { return state_->graph; }

const std::shared_ptr<const LibraryResources>& ImageLibrary::resources() const noexcept {
  return state_->resources;
}

LibraryStats ImageLibrary::stats() const { return state_->resources->stats(); }

}  // namespace layoutfs
