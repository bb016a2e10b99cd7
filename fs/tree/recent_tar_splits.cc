#include "fs/tree/recent_tar_splits.h"

#include <utility>

namespace layoutfs {

Result<TarSplitPtr> RecentTarSplits::open(ImageLibrary& library, const LayerStack& stack,
                                          const Context& context) {
  // The same layers may have other diff_ids.
  const Digest key = Digest::of(as_bytes(digest_of(stack).str() + stack.diff_ids.back().str()));
  if (auto found = records_.find(key)) return *std::move(found);
  const auto open_now = [&]() -> Result<TarSplitPtr> {
    // Another thread may have opened it in the meantime.
    if (auto found = records_.find(key)) return *std::move(found);
    const auto image = library.stack(stack, context);
    if (!image) return fail(Error(image.error()));
    const auto top = library.layer(stack.layers.back(), context);
    if (!top) return fail(Error(top.error()));
    auto record = open_tar_split(library.resources()->cache(), stack, **image, **top, context);
    if (record) records_.keep(key, *record, (*record)->memory());
    return record;
  };
  return flights_.run(key, open_now, context);
}

}  // namespace layoutfs
