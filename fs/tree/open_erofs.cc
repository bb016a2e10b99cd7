#include "fs/tree/open_erofs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "layoutfs/log.h"

namespace layoutfs {

Result<OpenErofs::ErofsPtr> OpenErofs::open(IndexCache cache, const ImageTree& tree, const Digest& digest,
                                            ErofsContent content, const Context& context) {
  const Key key(digest, content);
  if (auto found = find(key)) return std::move(*found);
  const auto open_now = [&]() -> Result<ErofsPtr> {
    // Another thread may have opened it in the meantime.
    if (auto found = find(key)) return std::move(*found);
    auto stored = open_erofs(cache, tree, digest, {ErofsPlacement::appended, content});
    if (stored) {
      keep({key, stored->image, stored->file ? 0 : stored->image->file.bytes.size()});
      return std::move(stored->image);
    }
    if (stored.error().code() == Errc::unsupported) {
      log(LogLevel::warning, digest.str() + ": " + stored.error().message());
      keep({key, fail(Error(stored.error()))});
    }
    return fail(std::move(stored).error());
  };
  return flights_.run(key, open_now, context);
}

std::optional<Result<OpenErofs::ErofsPtr>> OpenErofs::find(const Key& key) {
  auto items = items_.lock();
  const auto found = std::ranges::find(*items, key, &Item::key);
  if (found == items->end()) return std::nullopt;
  items->splice(items->begin(), *items, found);
  return found->erofs;
}

void OpenErofs::keep(Item item) {
  std::list<Item> closed;  // destroyed after the lock is released
  auto items = items_.lock();
  items->push_front(std::move(item));
  std::uint64_t memory = 0;
  std::size_t count = 0;
  for (auto each = items->begin(); each != items->end(); ++count) {
    const auto next = std::next(each);
    memory += each->memory;
    if (count > 0 && (count >= kMaxOpen || memory > kMaxMemory)) closed.splice(closed.end(), *items, each);
    each = next;
  }
}

}  // namespace layoutfs
