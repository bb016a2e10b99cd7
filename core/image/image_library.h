// Makes images readable from descriptors. Built indexes and trees stay in memory while they are used, and in
// the index cache.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/cache/index_cache.h"
#include "core/image/image.h"
#include "core/image/layer_stack.h"
#include "core/oci/layout_graph.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/documents.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

class JsonWriter;

// A layer with its index.
struct Layer {
  std::shared_ptr<const LayerIndex> index;
  std::shared_ptr<const LayerStream> stream;
};
using LayerPtr = std::shared_ptr<const Layer>;

struct LibraryStats {
  std::uint64_t indexes_built = 0, indexes_loaded = 0, trees_built = 0, trees_loaded = 0;
};

struct LibraryOptions {
  std::uint64_t cache_size = std::uint64_t{256} << 20;  // bytes of decoded spans
  std::uint64_t cache_disk = std::uint64_t{4} << 30;    // bytes of decoded copies; 0: none
  bool verify = true;                                   // check spans against their digests
  // A broken layer is not read again before this time.
  std::chrono::seconds failures_remembered{10};
  // Unused layers and images stay open, most recently used first, while they have at most this number of
  // mapped files. (Linux limits a process to 65,530 mappings.)
  std::size_t max_mapped_files = 2048;
  // Called while a layer is indexed, by the indexing thread.
  std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> progress;
  // Adds members about the source of the layout to the statistics of a mount; called by any thread.
  std::function<void(JsonWriter&)> add_statistics;
};

// Resources shared by the libraries of several layouts: the index cache, the budgets of memory and disk, and
// the statistics. Thread-safe.
class LibraryResources {
 public:
  LibraryResources(IndexCache cache, LibraryOptions options);
  ~LibraryResources();

  const LibraryOptions& options() const noexcept;
  IndexCache cache() const;
  LibraryStats stats() const;
  SpanCacheStats span_stats() const;
  CopyStats copy_stats() const;

 private:
  friend class ImageLibrary;
  struct State;
  std::unique_ptr<State> state_;
};

// Thread-safe. If several threads need a result, it is built once. Errc::cancelled if the context of a call
// ends while it builds or waits for another thread; other callers still get the result.
class ImageLibrary {
 public:
  // Creates its own resources.
  ImageLibrary(std::shared_ptr<const LayoutReader> reader, IndexCache cache, LibraryOptions options);
  ImageLibrary(std::shared_ptr<const LayoutReader> reader, std::shared_ptr<const LibraryResources> resources);
  ~ImageLibrary();

  // Builds or loads the index of a layer. Errc::not_found, Errc::corrupt, Errc::unsupported.
  Result<LayerPtr> layer(const Descriptor& descriptor, const Context& context = {});
  // Returns a single layer, with whiteouts as files.
  Result<ImagePtr> layer_tree(const Descriptor& descriptor, const Context& context = {});
  // Returns the merged root filesystem of a manifest. Errors name the layer. Errc::corrupt if the
  // uncompressed content of a layer does not match the config's diff_ids.
  Result<ImagePtr> image(const Descriptor& manifest, const Context& context = {});
  // Returns the lowest layers of an image, merged. Errors as for image().
  Result<ImagePtr> stack(const LayerStack& stack, const Context& context = {});
  // Returns the image if nothing must be decoded: it is in memory or complete in the index cache. Otherwise
  // null.
  ImagePtr image_if_ready(const Descriptor& manifest);
  ImagePtr layer_tree_if_ready(const Descriptor& descriptor);
  ImagePtr stack_if_ready(const LayerStack& stack);
  // Returns the facts of a layer that was indexed, in this process or another one. Does not look for the
  // blob. Cost: linear in the size of the index file, which is about a two hundredth of the blob's.
  std::optional<LayerFacts> facts_if_known(const Descriptor& layer) const;

  // Forgets everything that was opened; current users keep it.
  void release();

  const LayoutReader& reader() const noexcept;
  // Returns the documents of the layout. All libraries with the same resources share one memory budget for
  // them.
  const LayoutGraph& graph() const noexcept;
  const std::shared_ptr<const LibraryResources>& resources() const noexcept;
  LibraryStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
