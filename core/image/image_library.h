// Turns descriptors into images that can be read, and keeps what was built: in memory while it is used, in
// the index cache for the next time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/cache/index_cache.h"
#include "core/image/image.h"
#include "core/oci/layout_graph.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/documents.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// A layer whose index is there.
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
  std::uint64_t cache_disk = std::uint64_t{4} << 30;    // bytes of decoded copies; 0: none is used
  bool verify = true;                                   // spans against their digests
  // A broken layer is not read again for every lookup.
  std::chrono::seconds failures_remembered{10};
  // Of layers and images that nobody uses any more, those that were used last stay open: as many as have so
  // many files mapped. (Linux ends a process that needs more than 65,530 mappings.)
  std::size_t max_mapped_files = 2048;
  // Called while the index of a layer is built, from the thread that builds it.
  std::function<void(const Descriptor& layer, std::uint64_t bytes_read)> progress;
};

// What the libraries of several layouts have in common: the cache of indexes, the budgets of memory and disk,
// and what they count. Thread-safe.
class LibraryResources {
 public:
  LibraryResources(IndexCache cache, LibraryOptions options);
  ~LibraryResources();

  const LibraryOptions& options() const noexcept;
  LibraryStats stats() const;
  SpanCacheStats span_stats() const;
  CopyStats copy_stats() const;

 private:
  friend class ImageLibrary;
  struct State;
  std::unique_ptr<State> state_;
};

// Thread-safe; what several threads ask for at once is built once. Errc::cancelled once the context of a call
// has ended, while it builds or waits for another thread that does; what others ask for is built all the
// same.
class ImageLibrary {
 public:
  // With resources of its own.
  ImageLibrary(std::shared_ptr<const LayoutReader> reader, IndexCache cache, LibraryOptions options);
  ImageLibrary(std::shared_ptr<const LayoutReader> reader, std::shared_ptr<const LibraryResources> resources);
  ~ImageLibrary();

  // Builds or loads the layer's index. Errc::not_found, Errc::corrupt, Errc::unsupported.
  Result<LayerPtr> layer(const Descriptor& descriptor, const Context& context = {});
  // One layer alone, whiteouts visible.
  Result<ImagePtr> layer_tree(const Descriptor& descriptor, const Context& context = {});
  // The merged root filesystem of a manifest. Errors name the layer; a layer whose uncompressed content
  // differs from the config's diff_ids is Errc::corrupt.
  Result<ImagePtr> image(const Descriptor& manifest, const Context& context = {});
  // The image if it takes no decoding: it is in memory or complete in the index cache. Nothing otherwise.
  ImagePtr image_if_ready(const Descriptor& manifest);
  ImagePtr layer_tree_if_ready(const Descriptor& descriptor);

  // What was opened so far is opened again when it is asked for next; whoever has it, keeps it.
  void release();

  const LayoutReader& reader() const noexcept;
  // The documents of the layout. Those of all libraries with the same resources share one budget of memory.
  const LayoutGraph& graph() const noexcept;
  const std::shared_ptr<const LibraryResources>& resources() const noexcept;
  LibraryStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
