#include "tools/extract/extract.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/file.h"
#include "tools/extract/extract_plan.h"
#include "tools/extract/file_attributes_writer.h"
#include "tools/extract/placement.h"
#include "tools/extract/staged_tree.h"

namespace layoutfs::tools {
namespace {

// The target. The destructor removes it if this object created it and it is empty.
class Target {
 public:
  static Result<Target> open(const std::string& path) {
    Target target;
    target.path_ = path;
    target.is_new_ = ::mkdir(path.c_str(), 0777) == 0;
    if (!target.is_new_ && errno != EEXIST) return fail(Error::system(errno, path));
    auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    if (!fd) return fail(std::move(fd).error());
    target.fd_ = std::move(*fd);
    return target;
  }
  Target(Target&&) noexcept = default;
  Target& operator=(Target&&) = delete;
  ~Target() {
    if (fd_ && is_new_) ::rmdir(path_.c_str());  // fails unless it is empty
  }

  int fd() const { return fd_.get(); }
  bool is_new() const { return is_new_; }
  // Keeps the target even if it is empty.
  void keep() { is_new_ = false; }

 private:
  Target() = default;
  std::string path_;
  UniqueFd fd_;
  bool is_new_ = false;
};

// The temporary directory in the target, into which all files are written first.
class Staging {
 public:
  static Result<Staging> make(int target) {
    Staging staging;
    staging.parent_ = target;
    staging.name_ = ".layoutfs-extract-" + random_name();
    if (::mkdirat(target, staging.name_.c_str(), S_IRWXU) != 0)
      return fail(Error::system(errno, "temporary directory " + staging.name_));
    auto fd = open_at(target, staging.name_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) return fail(std::move(fd).error());
    staging.fd_ = std::move(*fd);
    // Removes the ACL and set-group-id bit that it inherited from the target.
    ::fremovexattr(staging.fd_.get(), "system.posix_acl_default");
    if (::fchmod(staging.fd_.get(), S_IRWXU) != 0) return fail(Error::system(errno, staging.name_));
    return staging;
  }
  Staging(Staging&& other) noexcept
      : parent_(std::exchange(other.parent_, -1)), name_(std::move(other.name_)), fd_(std::move(other.fd_)) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging() { remove(); }
  // The directory must be empty.
  void remove() noexcept {
    if (const int parent = std::exchange(parent_, -1); parent >= 0)
      ::unlinkat(parent, name_.c_str(), AT_REMOVEDIR);
  }
  int fd() const { return fd_.get(); }

 private:
  Staging() = default;
  int parent_ = -1;
  std::string name_;
  UniqueFd fd_;
};

// Returns the group of new files, which may be the directory's (mount(8), "grpid"). Errc::denied if another
// user has replaced the directory.
Result<gid_t> group_of(int directory) {
  const auto status = stat_of(directory, "temporary directory");
  if (!status) return fail(Error(status.error()));
  if (status->st_uid != ::geteuid() || (status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Errc::denied, "the temporary directory is not the one that was created");
  return status->st_gid;
}

}  // namespace

Result<Extracted> extract(const Image& image, const std::vector<std::string>& paths,
                          const std::string& directory, const ExtractOptions& options) {
  const auto plan = plan_extraction(image, paths);
  if (!plan) return fail(Error(plan.error()));
  auto target = Target::open(directory);
  if (!target) return fail(std::move(target).error());
  auto staging = Staging::make(target->fd());
  if (!staging) return fail(std::move(staging).error(), directory);
  const auto group = group_of(staging->fd());
  if (!group) return fail(Error(group.error()), directory);

  const bool is_root = ::geteuid() == 0;
  const FileAttributesWriter attributes(
      image.tree(), {.are_owners_kept = options.are_owners_kept, .is_root = is_root}, *group);
  const Placement placement(image.tree(), *plan, attributes, options.force);
  if (auto free = placement.check(target->fd()); !free) return fail(std::move(free).error(), directory);
  StagedTree tree(image, *plan, attributes, staging->fd(), is_root);
  const auto progress = [&](std::uint64_t bytes) {
    if (options.progress) options.progress(bytes, plan->bytes);
  };
  auto done = tree.write(progress, options.context);
  if (done) done = placement.move(staging->fd(), target->fd());
  if (!done) {
    tree.remove();
    return fail(std::move(done).error(), directory);
  }
  const Inode top = plan->directories.front().inode;
  staging->remove();  // before the times of the target are set
  if (target->is_new() && top != 0)
    if (auto applied = attributes.apply(target->fd(), image.tree().inode(top)); !applied)
      return fail(std::move(applied).error(), directory);
  target->keep();
  return Extracted{.files = plan->files.size() + plan->links.size(),
                   .bytes = plan->bytes,
                   .devices_left_out = tree.devices_left_out()};
}

}  // namespace layoutfs::tools
