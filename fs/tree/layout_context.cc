#include "fs/tree/layout_context.h"

#include <algorithm>
#include <new>

namespace layoutfs {

LayoutContext::LayoutContext(MountContext& mount_, std::shared_ptr<ImageLibrary> library_,
                             std::string repository, std::shared_ptr<OnDemandReader> on_demand_)
    : mount(mount_),
      library(std::move(library_)),
      on_demand(std::move(on_demand_)),
      place_(repository.empty() ? "" : repository + ":"),
      repository_(std::move(repository)),
      catalog_(std::make_shared<CatalogKeeper>(library->graph(), repository_)) {}

void LayoutContext::use() const noexcept {
  if (on_demand) on_demand->use();
}

void LayoutContext::release() {
  try {
    auto fresh = std::make_shared<CatalogKeeper>(library->graph(), repository_, catalog()->times());
    // The replaced ones are destroyed after the lock is released.
    catalog_.lock()->swap(fresh);
  } catch (const std::bad_alloc&) {
    // The catalog stays, because it is small.
  }
  mount.slots.release(*this);
  mount.blobs.release(*this);
  library->release();
  if (on_demand) on_demand->release();
}

Result<BlobPtr> OpenBlobs::open(const LayoutContext& layout, const Digest& digest) {
  std::string place = layout.place("");
  if (auto items = items_.lock(); true) {
    const auto found = std::ranges::find_if(
        *items, [&](const OpenBlob& item) { return item.digest == digest && item.place == place; });
    if (found != items->end()) {
      items->splice(items->begin(), *items, found);
      return found->blob;
    }
  }
  auto blob = layout.reader().get_blob(digest);
  if (!blob) return blob;
  auto items = items_.lock();
  items->push_front({std::move(place), digest, *blob});
  if (items->size() > kMaxOpen) items->pop_back();
  return blob;
}

void OpenBlobs::release(const LayoutContext& layout) {
  const std::string place = layout.place("");
  items_.lock()->remove_if([&](const OpenBlob& item) { return item.place == place; });
}

}  // namespace layoutfs
