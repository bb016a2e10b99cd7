#include "core/commit/upper_layer.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "core/cas/layout_dir.h"
#include "core/commit/upper_xattrs.h"
#include "core/image/whiteout_names.h"
#include "core/layer/limits.h"

namespace layoutfs {
namespace {

// Returns the names in an open directory in byte order.
Result<std::vector<std::string>> names_in(const UniqueFd& directory) {
  // A new description, because reading moves its position.
  auto again = open_at(directory.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!again) return fail(std::move(again).error());
  std::vector<std::string> names;
  auto listed = for_each_entry(std::move(*again), "readdir", [&names](const char* name, unsigned char) {
    names.emplace_back(name);
    return Status();
  });
  if (!listed) return fail(std::move(listed).error());
  std::ranges::sort(names);
  return names;
}

// overlayfs.rst, "whiteouts and opaque directories".
bool is_whiteout_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(0, 0);
}

}  // namespace

class UpperLayer::Reader {
 public:
  Reader(UpperLayer& layer, const UpperOptions& options) : layer_(layer), options_(options) {}

  Status run() {
    UpperEntry root;
    if (::fstat(layer_.directory_.get(), &root.status) != 0)
      return std::unexpected(Error::system(errno, layer_.name_));
    device_ = root.status.st_dev;
    // overlayfs ignores the opaque mark of a root.
    if (auto marks = read_upper_marks(layer_.directory_.get(), "."); !marks)
      return fail(std::move(marks).error(), layer_.name_);
    set_owner(root.status);
    layer_.entries_.push_back(std::move(root));
    auto again = open_at(layer_.directory_.get(), ".", O_RDONLY | O_DIRECTORY);
    if (!again) return fail(std::move(again).error(), layer_.name_);
    if (auto entered = enter(std::move(*again), 0); !entered)
      return fail(std::move(entered).error(), layer_.name_);
    while (!levels_.empty()) {
      if (auto running = options_.context.check(); !running) return running;
      if (levels_.back().next == levels_.back().names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = levels_.back().names[levels_.back().next++];
      path_.resize(levels_.back().path_size);
      if (!path_.empty()) path_ += '/';
      path_ += name;
      if (auto added = add(name); !added) return fail(std::move(added).error(), layer_.name_ + "/" + path_);
    }
    return {};
  }

 private:
  // A directory that is being read.
  struct Level {
    UniqueFd directory;
    std::vector<std::string> names;
    std::size_t next = 0;
    std::size_t path_size;  // of its path in path_
  };

  Status enter(UniqueFd directory, std::size_t path_size) {
    auto names = names_in(directory);
    if (!names) return fail(std::move(names).error());
    levels_.push_back({std::move(directory), std::move(*names), 0, path_size});
    return {};
  }

  void set_owner(struct stat& status) const {
    if (options_.root_user == status.st_uid) status.st_uid = 0;
    if (options_.root_group == status.st_gid) status.st_gid = 0;
  }

  Status add(const std::string& name) {
    const int parent = levels_.back().directory.get();
    if (layer_.entries_.size() == kMaxEntries)
      return fail(Errc::unsupported,
                  "a layer cannot have more than " + std::to_string(kMaxEntries) + " files");
    if (name.starts_with(kWhiteout))
      return fail(Errc::unsupported, "a layer cannot have a file of this name: it would remove another one");
    UpperEntry entry{.path = path_};
    struct stat& status = entry.status;
    if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return std::unexpected(Error::system(errno, "fstatat"));
    entry.is_removed = is_whiteout_device(status);
    if (entry.is_removed) return push(std::move(entry));
    if (S_ISSOCK(status.st_mode)) {
      ++layer_.socket_count_;
      return {};
    }
    const auto marks = read_upper_marks(parent, name);
    if (!marks) return fail(Error(marks.error()));
    entry.is_removed = marks->is_whiteout && S_ISREG(status.st_mode) && status.st_size == 0;
    if (entry.is_removed) return push(std::move(entry));
    set_owner(status);
    if (S_ISDIR(status.st_mode)) return add_directory(std::move(entry), name, marks->is_opaque);
    if (status.st_nlink > 1) {
      const auto [first, is_new] =
          first_names_.emplace(std::pair(status.st_dev, status.st_ino), layer_.entries_.size());
      if (!is_new) entry.first_name = first->second;
    }
    if (S_ISREG(status.st_mode) && !entry.first_name)
      layer_.content_size_ += static_cast<std::uint64_t>(status.st_size);
    return push(std::move(entry));
  }

  Status add_directory(UpperEntry entry, const std::string& name, bool is_opaque) {
    if (entry.status.st_dev != device_)
      return fail(Errc::invalid_argument, "another file system is mounted there");
    entry.is_opaque = is_opaque;
    auto directory =
        open_at(levels_.back().directory.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
    if (!directory) return fail(std::move(directory).error());
    if (auto pushed = push(std::move(entry)); !pushed) return pushed;
    return enter(std::move(*directory), path_.size());
  }

  Status push(UpperEntry entry) {
    layer_.entries_.push_back(std::move(entry));
    return {};
  }

  UpperLayer& layer_;
  const UpperOptions& options_;
  std::vector<Level> levels_;  // from the root to the current directory
  std::string path_;           // of the current entry
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::size_t> first_names_;  // positions of files with several names
};

Result<UpperLayer> UpperLayer::read(UniqueFd directory, std::string name, const UpperOptions& options) {
  UpperLayer layer;
  layer.directory_ = std::move(directory);
  layer.name_ = std::move(name);
  if (auto done = Reader(layer, options).run(); !done) return fail(std::move(done).error());
  return layer;
}

}  // namespace layoutfs
