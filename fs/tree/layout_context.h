// A layout as seen by nodes, and the resources shared by the layouts of a mount.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/failure_log.h"
#include "core/base/guarded.h"
#include "core/base/release_queue.h"
#include "core/image/image_library.h"
#include "fs/tree/catalog.h"
#include "fs/tree/image_slots.h"
#include "fs/tree/on_demand_reader.h"
#include "fs/tree/open_erofs.h"
#include "fs/tree/recent_tar_splits.h"
#include "layoutfs/platform.h"

namespace layoutfs {

// Keeps the most recently read blobs open, within a limit of open files. Thread-safe.
class OpenBlobs {
 public:
  Result<BlobPtr> open(const LayoutContext& layout, const Digest& digest);
  // Closes the blobs of a layout.
  void release(const LayoutContext& layout);

 private:
  static constexpr std::size_t kMaxOpen = 32;
  struct OpenBlob {
    std::string place;  // of the layout
    Digest digest;
    BlobPtr blob;
  };
  Guarded<std::list<OpenBlob>> items_;  // most recently used first
};

// Outlives all layouts of the mount.
struct MountContext {
  // `max_files` as for ImageSlots.
  MountContext(Platform platform_, Ownership ownership,
               std::size_t max_files = LibraryOptions{}.max_mapped_files)
      : platform(std::move(platform_)), slots(ownership, MountIds::of_this_process(), max_files) {}

  const Platform platform;
  ImageSlots slots;
  OpenBlobs blobs;
  OpenErofs erofs;
  RecentTarSplits tar_splits;
  ReleaseQueue releases;  // of layouts; their destructors wait for threads; destroyed first, because those
                          // use the others
};

// Thread-safe. Shared by nodes, so it lives as long as any of them is referenced.
class LayoutContext : public std::enable_shared_from_this<LayoutContext> {
 public:
  // `repository` is its name in a mount of several layouts; `on_demand` is its reader, if it has that type.
  LayoutContext(MountContext& mount_, std::shared_ptr<ImageLibrary> library_, std::string repository = "",
                std::shared_ptr<OnDemandReader> on_demand_ = nullptr);

  const LayoutReader& reader() const noexcept { return library->reader(); }
  const LayoutGraph& graph() const noexcept { return library->graph(); }
  std::shared_ptr<CatalogKeeper> catalog() const { return *catalog_.lock(); }
  // Returns `path` in the layout as the identity of a node of the mount. Repository names never contain a
  // colon.
  std::string place(std::string_view path) const { return place_ + std::string(path); }
  // Marks it as used now, for the choice of the least recently used one.
  void use() const noexcept;
  // Closes everything that can be opened again on demand: files, indexes, images.
  void release();

  MountContext& mount;
  const std::shared_ptr<ImageLibrary> library;
  const std::shared_ptr<OnDemandReader> on_demand;
  mutable FailureLog failures;  // of reads of its files

 private:
  const std::string place_;  // empty if the layout is the mount
  const std::string repository_;
  mutable Guarded<std::shared_ptr<CatalogKeeper>> catalog_;
};
using LayoutPtr = std::shared_ptr<LayoutContext>;

}  // namespace layoutfs
