// The images and layers whose trees are part of a layout's tree, each with a range of inode numbers, opened
// when it is first entered.
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

// Thread-safe. Slots stay as long as their layout does; images are closed and opened again as needed.
class ImageSlots {
 public:
  enum class Kind { image, layer };

  // Of the images, those that were used last stay open: as many as have `max_files` mapped, or one.
  ImageSlots(Ownership ownership, MountIds ids, std::size_t max_files)
      : ownership_(ownership), ids_(std::move(ids)), max_files_(max_files) {}
  // Before the first image is opened.
  void set_acls_enforced(bool are_enforced) { are_acls_enforced_ = are_enforced; }

  // Of all files.
  const Ownership& ownership() const noexcept { return ownership_; }

  // The slot of a layout's image (by its manifest) or of a layer alone; nothing is opened.
  SlotRoot slot_of(const std::shared_ptr<LayoutContext>& layout, Kind kind, const Descriptor& descriptor);
  // Whose it is; null where that is gone.
  std::shared_ptr<LayoutContext> layout_of(std::uint32_t slot);
  // Opens the image or layer. failure_of() remembers an error. EINTR once the context has ended.
  Answer<std::shared_ptr<ImageFilesystem>> open(std::uint32_t slot, const Context& context);
  // As open(), where that takes no decoding; null otherwise.
  std::shared_ptr<ImageFilesystem> open_if_ready(std::uint32_t slot);
  // Why opening failed the last time; empty where it did not.
  std::string failure_of(std::uint32_t slot);
  // Keeps a failure that was met elsewhere, with the layer's stream; empty: there is none any more.
  void note_failure(std::uint32_t slot, std::string why);
  // What could not be applied of an image; empty for one that was not open yet.
  std::vector<std::string> problems_of(std::uint32_t slot);
  // Closes the images of a layout. Their inodes stay: what is asked of them next opens them again.
  void release(const LayoutContext& layout);

  // Inode numbers of a slot are its number in the upper half and the image's own below.
  static std::uint32_t slot_of(InodeNumber node) noexcept { return static_cast<std::uint32_t>(node >> 32); }
  static InodeNumber root_of(std::uint32_t slot) noexcept { return (InodeNumber{slot} << 32) + kRootInode; }

 private:
  using FilesystemPtr = std::shared_ptr<ImageFilesystem>;
  struct Slot {
    std::weak_ptr<LayoutContext> layout;  // no inode of it is referenced once that is gone
    Kind kind;
    Descriptor descriptor;
    FilesystemPtr filesystem;                       // of an open image
    std::size_t files = 0;                          // that it has mapped
    std::list<std::uint32_t>::iterator position{};  // in Slots::open, of an open image
    std::vector<std::string> problems;              // of the image when it was opened last
    std::string failure;
  };
  struct Slots {
    std::map<std::uint32_t, Slot> by_number;
    std::list<std::uint32_t> open;  // the one used last comes first
    std::size_t files = 0;          // that the open ones have mapped

    // Returns the filesystem, to be destroyed when the lock is released; null if it is not open.
    FilesystemPtr close(Slot& slot);
  };
  static void prune(Slots& slots, std::vector<FilesystemPtr>& closed);
  FilesystemPtr fill(std::uint32_t slot, const ImagePtr& image);

  const Ownership ownership_;
  const MountIds ids_;
  const std::size_t max_files_;
  std::atomic<bool> are_acls_enforced_ = false;
  Guarded<Slots> slots_;  // never held while something is opened
};

}  // namespace layoutfs
