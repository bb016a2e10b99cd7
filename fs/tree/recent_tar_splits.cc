#include "fs/tree/recent_tar_splits.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace layoutfs {

Result<TarSplitPtr> RecentTarSplits::open(ImageLibrary& library, const LayerStack& stack,
                                          const Context& context) {
  // The same layers may have other diff_ids.
  const Digest key = Digest::of(as_bytes(digest_of(stack).str() + stack.diff_ids.back().str()));
  if (auto found = find(key)) return found;
  const auto open_now = [&]() -> Result<TarSplitPtr> {
    // Another thread may have opened it in the meantime.
    if (auto found = find(key)) return found;
    const auto image = library.stack(stack, context);
    if (!image) return fail(Error(image.error()));
    const auto top = library.layer(stack.layers.back(), context);
    if (!top) return fail(Error(top.error()));
    auto record = open_tar_split(library.resources()->cache(), stack, **image, **top, context);
    if (record) keep({key, *record});
    return record;
  };
  return flights_.run(key, open_now, context);
}

TarSplitPtr RecentTarSplits::find(const Digest& key) {
  auto items = items_.lock();
  const auto found = std::ranges::find(*items, key, &Item::key);
  if (found == items->end()) return nullptr;
  items->splice(items->begin(), *items, found);
  return found->record;
}

void RecentTarSplits::keep(Item item) {
  std::list<Item> closed;  // destroyed after the lock is released
  auto items = items_.lock();
  items->push_front(std::move(item));
  std::uint64_t memory = 0;
  std::size_t count = 0;
  for (auto each = items->begin(); each != items->end(); ++count) {
    const auto next = std::next(each);
    memory += each->record->memory();
    if (count > 0 && (count >= kMaxOpen || memory > kMaxMemory)) closed.splice(closed.end(), *items, each);
    each = next;
  }
}

}  // namespace layoutfs
