// Slots for images.
#include "fs/image_slots.h"

#include <charconv>

namespace layoutfs {

ImageSlots::ImageSlots(std::shared_ptr<ImageLibrary> library, Ownership ownership)
    : library_(std::move(library)), ownership_(ownership) {}

// Digests are random: 31 bits of them number the slots, the same in every mount unless two are equal, which
// the next free number settles.
SlotRoot ImageSlots::slot_of(Kind kind, const Descriptor& descriptor) {
  std::uint32_t number = 0;
  const std::string& hex = descriptor.digest.hex();
  std::from_chars(hex.data(), hex.data() + 8, number, 16);
  if (kind == Kind::layer) number = ~number;
  auto slots = slots_.lock();
  for (number &= 0x7fffffff;; number = (number + 1) & 0x7fffffff) {
    if (number == 0) continue;  // the synthetic nodes' half of the numbers
    const auto [found, is_new] = slots->try_emplace(number, Slot{kind, descriptor, nullptr, nullptr, {}});
    if (is_new || (found->second.kind == kind && found->second.descriptor.digest == descriptor.digest))
      return {number};
  }
}

std::shared_ptr<ImageFilesystem> ImageSlots::fill(std::uint32_t number, ImagePtr image) {
  auto slots = slots_.lock();
  Slot& slot = slots->at(number);
  if (!slot.filesystem) {
    slot.filesystem = std::make_shared<ImageFilesystem>(image, ownership_, NodeId{number} << 32);
    slot.image = std::move(image);
    slot.failure.clear();
  }
  return slot.filesystem;
}

Answer<std::shared_ptr<ImageFilesystem>> ImageSlots::open(std::uint32_t number) {
  std::optional<Slot> slot;
  if (auto slots = slots_.lock(); true) {
    const auto found = slots->find(number);
    if (found == slots->end()) return std::unexpected(ENOENT);
    if (found->second.filesystem) return found->second.filesystem;
    slot = found->second;
  }
  auto image =
      slot->kind == Kind::image ? library_->image(slot->descriptor) : library_->layer_tree(slot->descriptor);
  if (image) return fill(number, std::move(*image));
  note_failure(number, image.error().message());
  return std::unexpected(EIO);
}

std::shared_ptr<ImageFilesystem> ImageSlots::open_if_ready(std::uint32_t number) {
  std::optional<Slot> slot;
  if (auto slots = slots_.lock(); true) {
    const auto found = slots->find(number);
    if (found == slots->end()) return nullptr;
    if (found->second.filesystem) return found->second.filesystem;
    slot = found->second;
  }
  auto image = slot->kind == Kind::image ? library_->image_if_ready(slot->descriptor)
                                         : library_->layer_tree_if_ready(slot->descriptor);
  return image ? fill(number, std::move(image)) : nullptr;
}

std::string ImageSlots::failure_of(std::uint32_t number) {
  auto slots = slots_.lock();
  const auto found = slots->find(number);
  return found == slots->end() ? "" : found->second.failure;
}

void ImageSlots::note_failure(std::uint32_t number, std::string why) {
  auto slots = slots_.lock();
  if (const auto found = slots->find(number); found != slots->end()) found->second.failure = std::move(why);
}

std::vector<std::string> ImageSlots::problems_of(std::uint32_t number) {
  ImagePtr image;
  if (auto slots = slots_.lock(); true)
    if (const auto found = slots->find(number); found != slots->end()) image = found->second.image;
  return image ? image->tree().problems() : std::vector<std::string>();
}

}  // namespace layoutfs
