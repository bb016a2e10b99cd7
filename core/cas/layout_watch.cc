// Uses inotify(7) on the directories of a layout.
#include "core/cas/layout_watch.h"

#include "core/base/path_in_proc.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace layoutfs {
namespace {

// Names that appear and disappear, and files that are written in place, as some programs do with index.json.
constexpr std::uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE;
// For a file with its own watch. If another file replaces its name, its attributes change.
constexpr std::uint32_t kFileChanges = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

class LayoutWatch final : public Watch {
 public:
  LayoutWatch(const LayoutDir& layout, UniqueFd events) : layout_(layout), events_(std::move(events)) {}

  // Returns whether the layout's directory can be watched.
  bool start() {
    root_ = watch_handle(layout_.fd(), kChanges | IN_ONLYDIR);
    watch_folders();
    return root_ >= 0;
  }

  int fd() const noexcept override { return events_.get(); }

  bool has_changed() override {
    bool has_changed = false;
    alignas(inotify_event) std::array<char, 16 << 10> buffer;
    for (;;) {
      const ssize_t got = retried([&] { return ::read(events_.get(), buffer.data(), buffer.size()); });
      if (got <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        inotify_event event;
        std::memcpy(&event, buffer.data() + at, sizeof event);
        // Padded with NULs.
        const std::string_view name(event.len == 0 ? "" : buffer.data() + at + sizeof event);
        has_changed |= matters(event, name);
        at += sizeof event + event.len;
      }
    }
    // One of them may be new. Existing watches are unchanged.
    if (has_changed) watch_folders();
    return has_changed;
  }

 private:
  // All events in `blobs` and `refs` count, all events of index.json's link target, and a queue overflow.
  bool matters(const inotify_event& event, std::string_view name) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
    if ((event.mask & (kChanges | kFileChanges)) == 0) return false;
    return event.wd != root_ || name == kIndexFile || name == kBlobsFolder || name == kRefsFolder;
  }

  // Returns the watch number; -1 if none is available.
  int watch_handle(int handle, std::uint32_t changes) const {
    // Through the handle, because the path may belong to another layout now.
    const std::string path = path_in_proc(handle);
    return ::inotify_add_watch(events_.get(), path.c_str(), changes);
  }

  // If it exists and its symlinks may be followed.
  void watch_folder(const std::string& path) const {
    if (const auto folder = layout_.open(path, O_PATH | O_DIRECTORY))
      watch_handle(folder->get(), kChanges | IN_ONLYDIR);
  }

  void watch_folders() const {
    if (is_link(layout_.fd(), kIndexFile))
      if (const auto file = layout_.open(kIndexFile, O_PATH)) watch_handle(file->get(), kFileChanges);
    watch_folder(kRefsFolder);
    watch_folder(kBlobsFolder);
    for (const Algorithm algorithm : algorithms())
      watch_folder(std::string(kBlobsFolder) + "/" + std::string(name_of(algorithm)));
  }

  const LayoutDir& layout_;
  const UniqueFd events_;  // an inotify instance
  int root_ = -1;
};

}  // namespace

std::unique_ptr<Watch> watch_layout(const LayoutDir& layout) {
  UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!events) return nullptr;
  auto watch = std::make_unique<LayoutWatch>(layout, std::move(events));
  if (!watch->start()) return nullptr;
  return watch;
}

}  // namespace layoutfs
