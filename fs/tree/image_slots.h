// The images and layers whose trees are part of a layout's tree, each with a range of inode numbers, opened
// when it is first entered.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/guarded.h"
#include "core/image/image_library.h"
#include "fs/tree/image_filesystem.h"
#include "fs/tree/virtual_node.h"

namespace layoutfs {

class LayoutContext;

// Thread-safe. Slots stay as long as their layout does.
class ImageSlots {
 public:
  enum class Kind { image, layer };

  ImageSlots(Ownership ownership, MountIds ids) : ownership_(ownership), ids_(std::move(ids)) {}
  // Before the first image is opened.
  void set_acls_enforced(bool are_enforced) { are_acls_enforced_ = are_enforced; }

  // Of all files.
  const Ownership& ownership() const noexcept { return ownership_; }

  // The slot of a layout's image (by its manifest) or of a layer alone; nothing is opened.
  SlotRoot slot_of(const std::shared_ptr<LayoutContext>& layout, Kind kind, const Descriptor& descriptor);
  // Whose it is; null where that is gone.
  std::shared_ptr<LayoutContext> layout_of(std::uint32_t slot);
  // Opens what is in it. What went wrong is kept for failure_of().
  Answer<std::shared_ptr<ImageFilesystem>> open(std::uint32_t slot);
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
  static std::uint32_t slot_of(NodeId node) noexcept { return static_cast<std::uint32_t>(node >> 32); }
  static NodeId root_of(std::uint32_t slot) noexcept { return (NodeId{slot} << 32) + kRootInode; }

 private:
  struct Slot {
    std::weak_ptr<LayoutContext> layout;  // the kernel has forgotten its inodes when that is gone
    Kind kind;
    Descriptor descriptor;
    std::shared_ptr<ImageFilesystem> filesystem;  // of an open image
    std::vector<std::string> problems;            // of the image when it was opened last
    std::string failure;
  };
  using Slots = std::map<std::uint32_t, Slot>;
  static void prune(Slots& slots);
  std::shared_ptr<ImageFilesystem> fill(std::uint32_t slot, const ImagePtr& image);

  const Ownership ownership_;
  const MountIds ids_;
  std::atomic<bool> are_acls_enforced_ = false;
  Guarded<Slots> slots_;  // never held while something is opened
};

}  // namespace layoutfs
