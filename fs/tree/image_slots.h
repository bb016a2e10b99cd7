// The images and layers in a layout's tree. Each has a range of inode numbers, and is opened on first access.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/image/image_library.h"
#include "fs/tree/image_filesystem.h"
#include "fs/tree/virtual_node.h"
#include "layoutfs/context.h"

namespace layoutfs {

class LayoutContext;

// Thread-safe. Slots exist as long as their layout; images are closed and opened again on demand.
class ImageSlots {
 public:
  enum class Kind { image, layer, stack };

  // Keeps the most recently used images open, as long as they have at most `max_files` files mapped, at least
  // one.
  ImageSlots(Ownership ownership, MountIds ids, std::size_t max_files)
      : ownership_(ownership), ids_(std::move(ids)), max_files_(max_files) {}
  // Call it before the first image is opened.
  void set_acls_enforced(bool are_enforced) { are_acls_enforced_ = are_enforced; }
  bool are_acls_enforced() const { return are_acls_enforced_; }

  // Of all files.
  const Ownership& ownership() const noexcept { return ownership_; }

  // Returns the slot of a layout's image (by its manifest) or of a single layer. Opens nothing.
  SlotRoot slot_of(const std::shared_ptr<LayoutContext>& layout, Kind kind, const Descriptor& descriptor);
  // Returns the slot of the lowest layers of a layout's images. `name` distinguishes slots with equal layers.
  SlotRoot slot_of(const std::shared_ptr<LayoutContext>& layout, LayerStack stack, std::string_view name);
  // Returns its layout; null if that is gone.
  std::shared_ptr<LayoutContext> layout_of(std::uint32_t slot);
  // Opens the image or layer. failure_of() returns a previous error. EINTR if the context has ended.
  Answer<std::shared_ptr<ImageFilesystem>> open(std::uint32_t slot, const Context& context);
  // Like open() if nothing must be decoded; otherwise null.
  std::shared_ptr<ImageFilesystem> open_if_ready(std::uint32_t slot);
  // Returns the error of the last attempt to open it, "" if it succeeded.
  std::string failure_of(std::uint32_t slot);
  // Returns a number that changes when the result of failure_of() changes for any slot.
  std::uint64_t failure_changes() const { return failure_changes_; }
  // Records an error from elsewhere, of the layer's stream; "" clears it.
  void note_failure(std::uint32_t slot, std::string why);
  // Returns the problems of an image's entries; none if it was not opened yet.
  std::vector<std::string> problems_of(std::uint32_t slot);
  // Closes the images of a layout. Their inodes stay valid; the next request opens them again.
  void release(const LayoutContext& layout);

  // The inode number of a file has the slot in the upper half and the image's own number in the lower.
  static std::uint32_t slot_of(InodeNumber node) noexcept { return static_cast<std::uint32_t>(node >> 32); }
  static InodeNumber root_of(std::uint32_t slot) noexcept { return (InodeNumber{slot} << 32) + kRootInode; }

 private:
  using FilesystemPtr = std::shared_ptr<ImageFilesystem>;
  struct Slot {
    std::weak_ptr<LayoutContext> layout;  // no inode of the slot is referenced after it is gone
    Kind kind;
    Descriptor descriptor;
    std::shared_ptr<const LayerStack> stack = nullptr;  // of Kind::stack
    FilesystemPtr filesystem;                           // of an open image
    std::size_t files = 0;                              // mapped files
    std::list<std::uint32_t>::iterator position{};      // in Slots::open, if it is open
    std::vector<std::string> problems;                  // of the image at its last opening
    std::string failure;
  };
  struct Slots {
    std::map<std::uint32_t, Slot> by_number;
    std::list<std::uint32_t> open;  // most recently used first
    std::size_t files = 0;          // mapped by the open ones

    // Returns the filesystem, to be destroyed after the lock is released; null if it is not open.
    FilesystemPtr close(Slot& slot);
  };
  SlotRoot slot_of(const std::shared_ptr<LayoutContext>& layout, Slot wanted);
  static Result<ImagePtr> open_image(const Slot& slot, LayoutContext& layout, const Context& context);
  void set_failure(Slot& slot, std::string why);
  static ImagePtr image_if_ready(const Slot& slot, LayoutContext& layout);
  static void prune(Slots& slots, std::vector<FilesystemPtr>& closed);
  FilesystemPtr fill(std::uint32_t slot, const ImagePtr& image);

  const Ownership ownership_;
  const MountIds ids_;
  const std::size_t max_files_;
  std::atomic<bool> are_acls_enforced_ = false;
  std::atomic<std::uint64_t> failure_changes_ = 0;
  Guarded<Slots> slots_;  // never held while opening
};

}  // namespace layoutfs
