// inotify(7) on the directories that make a layout.
#include "core/cas/layout_watch.h"

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

// Names that come and go, and files that were written where they stand, as index.json is by some programs.
constexpr std::uint32_t kChanges = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE;
// Of a file that is watched by itself. One that loses its name to another file has its attributes changed.
constexpr std::uint32_t kFileChanges = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

class LayoutWatch final : public Watch {
 public:
  LayoutWatch(const LayoutDir& layout, UniqueFd events) : layout_(layout), events_(std::move(events)) {}

  // Whether the layout itself can be watched.
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
    // One of them may be new. What is watched already stays as it is.
    if (has_changed) watch_folders();
    return has_changed;
  }

 private:
  // Everything counts that happens in `blobs` and `refs`, or to the file that index.json is a link to, and
  // after more than the system could keep.
  bool matters(const inotify_event& event, std::string_view name) const {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return true;
    if ((event.mask & (kChanges | kFileChanges)) == 0) return false;
    return event.wd != root_ || name == kIndexFile || name == kBlobsFolder || name == kRefsFolder;
  }

  // The number of its watch; -1 where there is none to be had.
  int watch_handle(int handle, std::uint32_t changes) const {
    // Through the handle: what has its path now may be another layout.
    const std::string path = "/proc/self/fd/" + std::to_string(handle);
    return ::inotify_add_watch(events_.get(), path.c_str(), changes);
  }

  // As far as it is there, and symlinks on the way to it may be followed.
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
