// The images of a mount's layouts as one additional image store of containers-storage, as a snapshot.
//
// Cost: documents of images are read once for each state of a layout's references; of layers only the status,
// and, unless a layer was indexed before, a few bytes. Each request then compares states: one stat per
// layout.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/single_flight.h"
#include "core/engines/estimated_size.h"
#include "core/engines/layout_images.h"
#include "fs/tree/filesystem.h"
#include "fs/tree/layout_context.h"
#include "layoutfs/context.h"

namespace layoutfs {

// One of the layouts.
struct StorageSource {
  LayoutPtr layout;
  std::string name;        // of the layout among others, for messages; empty if it is the only one
  std::string repository;  // of its tags
  // Equal stamps mean equal references; nullopt if only the layout itself can tell.
  std::optional<std::string> stamp;
};
using StorageSources = std::function<Result<std::vector<StorageSource>>()>;

// A document with its lock file. Both are part of file identities, so open files keep their content.
struct StorageDocument {
  std::shared_ptr<const Bytes> text;
  std::string lock;
};

// The layers up to one of an image.
struct StoragePlace {
  LayoutPtr layout;
  std::shared_ptr<const LayerStack> whole;  // of the image
  std::size_t count;                        // of layers up to this one

  LayerStack stack() const;
  const Descriptor& layer() const { return whole->layers[count - 1]; }
};

// A document of an image.
struct StorageBlob {
  LayoutPtr layout;
  Digest digest;
  std::uint64_t size;
};

// Immutable.
struct StorageSnapshot {
  StorageDocument images, layers;
  // By layer ID: the images that have the layer. Several layouts, or several blobs, may have it.
  std::map<std::string, std::vector<StoragePlace>, std::less<>> places;
  std::map<std::string, std::string, std::less<>> layer_of_link;
  // By diffID: the layers with that content, whatever is below them.
  std::map<Digest, std::vector<StoragePlace>> places_of_content;
  // By image ID and name of the file.
  std::map<std::string, std::map<std::string, StorageBlob, std::less<>>, std::less<>> items;
  // By name of the file: why an image is left out.
  std::map<std::string, std::string, std::less<>> errors;
  // Increases with each change of the content.
  std::int64_t mtime_ns = 0;
};
using StorageSnapshotPtr = std::shared_ptr<const StorageSnapshot>;

// Thread-safe.
class StorageCatalog {
 public:
  // `mount` must outlive it. `sources` returns the layouts in the order in which images of one name are
  // chosen. If it fails, the layouts stay as they are. It is called for each request, but not again before
  // `pause` has passed.
  StorageCatalog(MountContext& mount, StorageSources sources, std::chrono::milliseconds pause)
      : mount_(mount), sources_(std::move(sources)), pause_(pause) {}

  // Returns the current snapshot; the same one while nothing has changed. EINTR if the context ends while
  // another thread makes it.
  Answer<StorageSnapshotPtr> current(const Context& context = {});
  // Returns the root of the merged layers at a place.
  SlotRoot root_of(const StoragePlace& place, std::string_view layer_id) const;

  MountContext& mount() const noexcept { return mount_; }

 private:
  using Clock = std::chrono::steady_clock;
  // A layout's images at its last reading.
  struct KnownSource {
    StorageSource source;
    std::shared_ptr<const LayoutCatalog> catalog;
    LayoutImages images;
    Clock::time_point read_at;
  };
  // The size of a layer, and whether its content is that of the config.
  struct LayerFinding {
    EstimatedSize size{};
    bool is_final = false;  // the layer was indexed
    std::string problem;    // empty if there is none
  };
  class Assembly;

  Result<StorageSnapshotPtr> refresh(const Context& context);
  // Return whether there is a change.
  Result<bool> read_sources(const Context& context);
  Result<bool> read_source(StorageSource source, const Context& context);
  const LayerFinding& finding_of(const LayoutContext& layout, const Descriptor& layer, const Digest& diff_id);
  std::optional<std::string> failure_of(const StoragePlace& place, std::string_view layer_id);

  MountContext& mount_;
  const StorageSources sources_;
  const std::chrono::milliseconds pause_;
  SingleFlight<int, StorageSnapshotPtr> flights_{LockLevel::store};
  // Used within a flight alone.
  std::vector<KnownSource> known_;
  std::map<std::string, LayerFinding> findings_;  // by the digests of blob and uncompressed layer
  std::map<std::uint32_t, std::string>
      failed_;  // by slot: the status of the blobs when it could not be opened
  std::uint64_t seen_failures_ = 0, seen_indexes_ = 0;
  Clock::time_point assembled_at_, sources_read_at_;
  StorageSnapshotPtr latest_;
};

}  // namespace layoutfs
