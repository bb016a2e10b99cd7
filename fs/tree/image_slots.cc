// The slots of images. A slot is a number, chosen by slot_of() for a layout, a kind and a digest. open()
// opens its image through the library and builds an ImageFilesystem; Slots::open orders the open ones by last
// use. If they map too many files, the last ones are closed: their slots stay, so their inode numbers stay
// valid, and the next request opens them again. prune() removes slots of released layouts. Invariants:
// nothing is opened or destroyed while the lock is held; a slot never changes its image.
#include "fs/tree/image_slots.h"

#include <bit>
#include <charconv>

#include "fs/tree/layout_context.h"
#include "fs/tree/node_table.h"

namespace layoutfs {

namespace {

// Compares without locking the pointers: no last owner may be released while the slots are locked.
bool is_same(const std::weak_ptr<LayoutContext>& a, const std::weak_ptr<const LayoutContext>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

// 31 bits of the digest number the slots. Digests are random, so the numbers are the same in every mount,
// unless two are equal; then the next free number is used. Each of several layouts has its own range.
SlotRoot ImageSlots::slot_of(const LayoutPtr& layout, Slot wanted) {
  std::uint32_t number = 0;
  const std::string& hex = wanted.descriptor.digest.hex();
  std::from_chars(hex.data(), hex.data() + 8, number, 16);
  if (wanted.kind == Kind::layer) number = ~number;
  if (const std::string place = layout->place(""); !place.empty())
    number ^= static_cast<std::uint32_t>(stable_hash(place));
  std::vector<FilesystemPtr> closed;  // destroyed after the lock is released
  auto slots = slots_.lock();
  for (number &= 0x7fffffff;; number = (number + 1) & 0x7fffffff) {
    if (number == 0) continue;  // this half of the numbers belongs to virtual nodes
    const auto found = slots->by_number.find(number);
    if (found == slots->by_number.end()) break;
    Slot& slot = found->second;
    if (slot.layout.expired()) {
      closed.push_back(slots->close(slot));
      slots->by_number.erase(found);
      break;
    }
    if (is_same(slot.layout, layout) && slot.kind == wanted.kind &&
        slot.descriptor.digest == wanted.descriptor.digest)
      return {number};
  }
  if (std::has_single_bit(slots->by_number.size())) prune(*slots, closed);
  slots->by_number.try_emplace(number, std::move(wanted));
  return {number};
}

SlotRoot ImageSlots::slot_of(const LayoutPtr& layout, Kind kind, const Descriptor& descriptor) {
  return slot_of(layout, Slot{.layout = layout, .kind = kind, .descriptor = descriptor});
}

SlotRoot ImageSlots::slot_of(const LayoutPtr& layout, LayerStack stack, std::string_view name) {
  const Digest digest = Digest::of(as_bytes(digest_of(stack).str() + " " + std::string(name)));
  return slot_of(layout, Slot{.layout = layout,
                              .kind = Kind::stack,
                              .descriptor = {.media_type = {}, .digest = digest},
                              .stack = std::make_shared<const LayerStack>(std::move(stack))});
}

Result<ImagePtr> ImageSlots::open_image(const Slot& slot, LayoutContext& layout, const Context& context) {
  switch (slot.kind) {
    case Kind::image:
      return layout.library->image(slot.descriptor, context);
    case Kind::layer:
      return layout.library->layer_tree(slot.descriptor, context);
    case Kind::stack: {
      auto image = layout.library->stack(*slot.stack, context);
      // There is no place beside it for an error, and a container must not run without a file of its image.
      if (image)
        if (const auto problems = (*image)->tree().problems(); !problems.empty())
          return fail(Errc::corrupt, problems.front());
      return image;
    }
  }
  return fail(Errc::unsupported, "unknown kind of slot");
}

ImagePtr ImageSlots::image_if_ready(const Slot& slot, LayoutContext& layout) {
  switch (slot.kind) {
    case Kind::image:
      return layout.library->image_if_ready(slot.descriptor);
    case Kind::layer:
      return layout.library->layer_tree_if_ready(slot.descriptor);
    case Kind::stack: {
      auto image = layout.library->stack_if_ready(*slot.stack);
      return image && image->tree().problems().empty() ? image : nullptr;  // open() has the error
    }
  }
  return nullptr;
}

ImageSlots::FilesystemPtr ImageSlots::Slots::close(Slot& slot) {
  if (!slot.filesystem) return nullptr;
  open.erase(slot.position);
  files -= slot.files;
  return std::exchange(slot.filesystem, nullptr);
}

// Removes slots of released layouts. Called each time their number has doubled.
void ImageSlots::prune(Slots& slots, std::vector<FilesystemPtr>& closed) {
  for (auto each = slots.by_number.begin(); each != slots.by_number.end();) {
    if (!each->second.layout.expired()) {
      ++each;
      continue;
    }
    closed.push_back(slots.close(each->second));
    each = slots.by_number.erase(each);
  }
}

LayoutPtr ImageSlots::layout_of(std::uint32_t number) {
  auto slots = slots_.lock();
  const auto found = slots->by_number.find(number);
  return found == slots->by_number.end() ? nullptr : found->second.layout.lock();
}

ImageSlots::FilesystemPtr ImageSlots::fill(std::uint32_t number, const ImagePtr& image) {
  std::vector<FilesystemPtr> closed;  // destroyed after the lock is released
  auto slots = slots_.lock();
  Slot& slot = slots->by_number.at(number);
  if (slot.filesystem) return slot.filesystem;
  auto filesystem = std::make_shared<ImageFilesystem>(
      image, ownership_, InodeNumber{number} << 32,
      AttributeRules{.is_overlay_hidden = slot.kind != Kind::layer, .ids = ids_});
  filesystem->set_acls_enforced(are_acls_enforced_);
  slot.problems = image->tree().problems();
  set_failure(slot, "");
  slots->open.push_front(number);
  slot.position = slots->open.begin();
  slot.files = 1 + image->tree().layer_count();
  slots->files += slot.files;
  slot.filesystem = std::move(filesystem);
  while (slots->files > max_files_ && slots->open.size() > 1)
    closed.push_back(slots->close(slots->by_number.at(slots->open.back())));
  return slot.filesystem;
}

Answer<std::shared_ptr<ImageFilesystem>> ImageSlots::open(std::uint32_t number, const Context& context) {
  LayoutPtr layout;  // keeps the slot alive
  std::optional<Slot> slot;
  if (auto slots = slots_.lock(); true) {
    const auto found = slots->by_number.find(number);
    if (found != slots->by_number.end()) layout = found->second.layout.lock();
    if (!layout) return std::unexpected(ENOENT);
    layout->use();
    if (found->second.filesystem) {
      slots->open.splice(slots->open.begin(), slots->open, found->second.position);
      return found->second.filesystem;
    }
    slot = found->second;
  }
  auto image = open_image(*slot, *layout, context);
  if (image) return fill(number, *image);
  if (image.error().code() == Errc::cancelled) return std::unexpected(EINTR);  // not a property of the image
  note_failure(number, image.error().message());
  return std::unexpected(EIO);
}

std::shared_ptr<ImageFilesystem> ImageSlots::open_if_ready(std::uint32_t number) {
  LayoutPtr layout;
  std::optional<Slot> slot;
  if (auto slots = slots_.lock(); true) {
    const auto found = slots->by_number.find(number);
    if (found != slots->by_number.end()) layout = found->second.layout.lock();
    if (!layout) return nullptr;
    if (found->second.filesystem) return found->second.filesystem;
    slot = found->second;
  }
  const auto image = image_if_ready(*slot, *layout);
  return image ? fill(number, image) : nullptr;
}

std::string ImageSlots::failure_of(std::uint32_t number) {
  auto slots = slots_.lock();
  const auto found = slots->by_number.find(number);
  return found == slots->by_number.end() ? "" : found->second.failure;
}

void ImageSlots::note_failure(std::uint32_t number, std::string why) {
  auto slots = slots_.lock();
  if (const auto found = slots->by_number.find(number); found != slots->by_number.end())
    set_failure(found->second, std::move(why));
}

void ImageSlots::set_failure(Slot& slot, std::string why) {
  if (slot.failure == why) return;
  slot.failure = std::move(why);
  ++failure_changes_;
}

std::vector<std::string> ImageSlots::problems_of(std::uint32_t number) {
  auto slots = slots_.lock();
  const auto found = slots->by_number.find(number);
  return found == slots->by_number.end() ? std::vector<std::string>() : found->second.problems;
}

void ImageSlots::release(const LayoutContext& layout) {
  std::vector<FilesystemPtr> closed;  // destroyed after the lock is released
  auto slots = slots_.lock();
  for (auto& [number, slot] : slots->by_number)
    if (slot.filesystem && is_same(slot.layout, layout.weak_from_this()))
      closed.push_back(slots->close(slot));
}

}  // namespace layoutfs
