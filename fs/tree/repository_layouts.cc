#include "fs/tree/repository_layouts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "core/base/path_in_proc.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/open.h"

namespace layoutfs {
namespace {

// Replaces the internal path of the layout in the message.
Error renamed(const Error& error, std::string_view path, std::string_view name) {
  std::string sentence = error.message();
  for (std::size_t at = 0; (at = sentence.find(path, at)) != std::string::npos; at += name.size())
    sentence.replace(at, path.size(), name);
  return Error(error.code(), std::move(sentence));
}

}  // namespace

LayoutPtr RepositoryLayouts::layout(std::string_view name) {
  if (auto items = items_.lock(); true)
    if (const auto found = items->find(name); found != items->end())
      if (auto known = found->second.known.lock()) return known;
  LayoutPtr made = make(std::string(name));
  auto items = items_.lock();
  // Removes unused entries each time their number has doubled.
  if (std::has_single_bit(items->size()))
    std::erase_if(*items, [](const auto& item) { return item.second.known.expired(); });
  Repository& item = (*items)[std::string(name)];
  if (auto known = item.known.lock()) return known;  // another thread was faster
  item = {.known = made, .open = nullptr};
  return made;
}

RepositoryLayouts::~RepositoryLayouts() {
  const std::unique_lock lock(callbacks_->mutex);
  callbacks_->layouts = nullptr;
}

// Nodes own layouts, and may use their readers while the mount ends.
LayoutPtr RepositoryLayouts::make(const std::string& name) {
  auto reader = std::make_shared<OnDemandReader>(
      [callbacks = callbacks_, name]() -> Result<std::unique_ptr<LayoutReader>> {
        const std::shared_lock lock(callbacks->mutex);
        if (callbacks->layouts == nullptr) return fail(Errc::closed, name + ": the mount is gone");
        return callbacks->layouts->open(name);
      },
      [callbacks = callbacks_, name] {
        const std::shared_lock lock(callbacks->mutex);
        if (callbacks->layouts != nullptr) callbacks->layouts->make_room(name);
      });
  auto library = std::make_shared<ImageLibrary>(reader, resources_);
  return std::make_shared<LayoutContext>(mount_, std::move(library), name, std::move(reader));
}

// By its handle, so that a concurrent rename has no effect.
Result<std::unique_ptr<LayoutReader>> RepositoryLayouts::open(const std::string& name) {
  const auto directory = tree_.open(name);
  if (!directory) return fail(Error(directory.error()));
  struct stat marker;
  if (::fstatat(directory->get(), kMarkerFile, &marker, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(Error::system(errno, name + ": " + kMarkerFile));
  const auto found = stat_of(directory->get(), name);
  if (!found) return fail(Error(found.error()));
  if (auto items = items_.lock(); true)
    if (const auto item = items->find(name); item != items->end()) {
      item->second.device = found->st_dev;
      item->second.inode = found->st_ino;
    }
  const std::string path = path_in_proc(directory->get());
  auto reader = open_dir(path, {.follow_links = follow_links_});
  if (!reader) {
    Error error = renamed(reader.error(), path, name);
    // Errc::not_found means that the repository has no layout.
    if (error.code() == Errc::not_found) return fail(Errc::io, error.message());
    return fail(std::move(error));
  }
  return reader;
}

// The caller may be working for a reader with waiters, or ahead of one. So it closes only the readers of the
// released layouts; another thread releases their images, which waits for such threads.
void RepositoryLayouts::make_room(const std::string& name) {
  ReleaseQueue::Work releases;
  const struct HandOver {
    ~HandOver() { queue.add(std::move(releases)); }
    ReleaseQueue& queue;
    ReleaseQueue::Work& releases;
  } hand_over{mount_.releases, releases};
  std::vector<std::shared_ptr<OnDemandReader>> closed;  // closed after the lock is released
  if (auto items = items_.lock(); true) {
    std::vector<Repository*> open;
    for (auto& [each, item] : *items) {
      if (each == name)
        item.open = item.known.lock();
      else if (item.open)
        open.push_back(&item);
    }
    const auto last_use = [](const Repository* item) { return item->open->on_demand->last_use(); };
    while (open.size() >= most_open_) {
      const auto oldest = std::ranges::min_element(open, {}, last_use);
      Repository& leaving = **oldest;
      closed.push_back(leaving.open->on_demand);
      releases.emplace_back([layout = leaving.open] { layout->release(); });
      leaving.open = nullptr;
      open.erase(oldest);
    }
  }
  for (const auto& reader : closed) reader->release();
}

void RepositoryLayouts::is_at(std::string_view name, const struct stat& directory) {
  LayoutPtr moved;
  if (auto items = items_.lock(); true) {
    const auto found = items->find(name);
    if (found == items->end() || !found->second.open) return;
    Repository& item = found->second;
    if (item.device == directory.st_dev && item.inode == directory.st_ino) return;
    moved = std::exchange(item.open, nullptr);
  }
  moved->release();
}

bool RepositoryLayouts::is_broken(std::string_view name) {
  LayoutPtr known;  // a last owner is released after the lock: its destructor may wait for the lock
  if (auto items = items_.lock(); true)
    if (const auto found = items->find(name); found != items->end()) known = found->second.known.lock();
  return known && known->on_demand->is_broken();
}

RepositoryLayouts::Counts RepositoryLayouts::counts() {
  auto items = items_.lock();
  const auto open =
      std::ranges::count_if(*items, [](const auto& item) { return item.second.open != nullptr; });
  return {items->size(), static_cast<std::size_t>(open)};
}

}  // namespace layoutfs
