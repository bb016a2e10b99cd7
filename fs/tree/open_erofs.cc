#include "fs/tree/open_erofs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "layoutfs/log.h"

namespace layoutfs {

Result<OpenErofs::ErofsPtr> OpenErofs::open(IndexCache cache, const ImageTree& tree, const Digest& digest,
                                            const Context& context) {
  if (auto found = find(digest)) return std::move(*found);
  const auto open_now = [&]() -> Result<ErofsPtr> {
    // Another thread may have opened it in the meantime.
    if (auto found = find(digest)) return std::move(*found);
    auto stored = open_erofs(cache, tree, digest, ErofsPlacement::appended);
    if (stored) {
      keep({digest, stored->image, stored->file ? 0 : stored->image->file.bytes.size()});
      return std::move(stored->image);
    }
    if (stored.error().code() == Errc::unsupported) {
      log(LogLevel::warning, digest.str() + ": " + stored.error().message());
      keep({digest, fail(Error(stored.error()))});
    }
    return fail(std::move(stored).error());
  };
  return flights_.run(digest, open_now, context);
}

std::optional<Result<OpenErofs::ErofsPtr>> OpenErofs::find(const Digest& digest) {
  auto items = items_.lock();
  const auto found = std::ranges::find(*items, digest, &Item::digest);
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
