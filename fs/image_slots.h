// The images and layers whose trees are part of a layout's tree, each with a range of inode numbers, opened
// when it is first entered.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/guarded.h"
#include "core/image/image_library.h"
#include "fs/image_filesystem.h"
#include "fs/virtual_node.h"

namespace layoutfs {

// Thread-safe. Slots stay as long as the mount does.
class ImageSlots {
 public:
  enum class Kind { image, layer };

  ImageSlots(std::shared_ptr<ImageLibrary> library, Ownership ownership);

  // The slot of an image (by its manifest) or of a layer alone; nothing is opened.
  SlotRoot slot_of(Kind kind, const Descriptor& descriptor);
  // Opens what is in it. What went wrong is kept for failure_of().
  Answer<std::shared_ptr<ImageFilesystem>> open(std::uint32_t slot);
  // As open(), where that takes no decoding; null otherwise.
  std::shared_ptr<ImageFilesystem> open_if_ready(std::uint32_t slot);
  // Why opening failed the last time; empty where it did not.
  std::string failure_of(std::uint32_t slot);
  // Keeps a failure that was met elsewhere, with the layer's stream; empty: there is none any more.
  void note_failure(std::uint32_t slot, std::string why);
  // What could not be applied of an open image; empty for one that is not open.
  std::vector<std::string> problems_of(std::uint32_t slot);

  // Inode numbers of a slot are its number in the upper half and the image's own below.
  static std::uint32_t slot_of(NodeId node) noexcept { return static_cast<std::uint32_t>(node >> 32); }
  static NodeId root_of(std::uint32_t slot) noexcept { return (NodeId{slot} << 32) + kRootInode; }

 private:
  struct Slot {
    Kind kind;
    Descriptor descriptor;
    ImagePtr image;  // with its filesystem, once it is open
    std::shared_ptr<ImageFilesystem> filesystem;
    std::string failure;
  };
  std::shared_ptr<ImageFilesystem> fill(std::uint32_t slot, ImagePtr image);

  const std::shared_ptr<ImageLibrary> library_;
  const Ownership ownership_;
  Guarded<std::map<std::uint32_t, Slot>> slots_;  // never held while something is opened
};

}  // namespace layoutfs
