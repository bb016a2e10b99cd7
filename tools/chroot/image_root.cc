// The mounts, in the order of their dependencies.
#include "tools/chroot/image_root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "core/base/user_namespace.h"
#include "fs/fuse/fuse_device.h"
#include "fs/kernel/new_mount.h"
#include "layoutfs/log.h"
#include "tools/chroot/root_directory.h"

namespace layoutfs::tools {
namespace {

// The directory in which the mounts are assembled: a tmpfs covers it, in the mount namespace of this process.
constexpr const char* kWorkshop = "/tmp";

constexpr std::array<std::string_view, 7> kDevices{"null",    "zero", "full", "random",
                                                   "urandom", "tty",  "ptmx"};

std::unexpected<Error> root_failure(int errno_value, const std::string& what) {
  return fail(Errc::mount_failed, Error::system(errno_value, what).message());
}

Status mount_new(const char* type, const std::string& target, unsigned long flags,
                 const std::string& options = {}) {
  if (::mount(type, target.c_str(), type, flags, options.c_str()) == 0) return {};
  return root_failure(errno, "cannot mount " + std::string(type) + " on " + target);
}

// Accepts an existing directory.
Status make_directory(const std::string& path, mode_t mode = 0755) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return root_failure(errno, "cannot create the directory " + path);
}

// Returns a detached copy of a mount of the host; empty if the path does not exist.
Result<UniqueFd> clone_mount(const std::string& path) {
  UniqueFd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree && errno != ENOENT) return root_failure(errno, "cannot bind " + path);
  return tree;
}

Status make_read_only(const UniqueFd& tree) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (!tree ||
      ::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0)
    return {};
  return root_failure(errno, "cannot make a mount read-only");
}

// Does nothing if `tree` is empty.
Status attach(const UniqueFd& tree, const std::string& target) {
  if (!tree || ::move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0)
    return {};
  return root_failure(errno, "cannot mount on " + target);
}

// The host's mounts. They are cloned while paths mean the host's files, and attached when paths mean the
// image's, so that no symlink of an image leads to the host.
struct HostMounts {
  UniqueFd upper, sys, terminals, resolver;
  std::array<UniqueFd, kDevices.size()> devices;
};

Result<HostMounts> clone_host_mounts(const std::string& upper) {
  HostMounts mounts;
  Status taken;
  const auto take = [&taken](UniqueFd& into, const std::string& path) {
    if (!taken) return;
    auto tree = clone_mount(path);
    if (tree)
      into = std::move(*tree);
    else
      taken = fail(std::move(tree).error());
  };
  if (!upper.empty()) take(mounts.upper, upper);
  take(mounts.sys, "/sys");
  take(mounts.terminals, "/dev/pts");
  for (std::size_t i = 0; i < kDevices.size(); ++i)
    take(mounts.devices[i], "/dev/" + std::string(kDevices[i]));
  if (!taken) return fail(std::move(taken).error());
  // Optional: without it only host names do not resolve.
  if (auto resolver = clone_mount("/etc/resolv.conf"))
    mounts.resolver = std::move(*resolver);
  else
    log(LogLevel::warning, "the image has no resolv.conf of the host: " + resolver.error().message());
  for (const UniqueFd* read_only : {&mounts.sys, &mounts.resolver})
    if (auto made = make_read_only(*read_only); !made) return fail(std::move(made).error());
  return mounts;
}

// If it fails, the server's session ends with the hidden mount.
Status show_view(const ViewOptions& options, const Serve& serve) {
  auto hidden = make_hidden_mount();
  if (!hidden) return fail(std::move(hidden).error());
  if (auto served = serve(std::move(hidden->device), Served::devices); !served) return served;
  const auto view = mount_view(hidden->mount, options);
  if (!view) return fail(Error(view.error()));
  return attach_mount(*view, "image");
}

// Mounts the image at `image` in the working directory.
Status mount_image(const ImageRoot& root, const Serve& serve) {
  if (auto made = make_directory("image"); !made) return made;
  if (root.view) {
    auto shown = show_view(*root.view, serve);
    if (shown) return {};
    Error why = std::move(shown).error().with("kernel view");
    if (root.is_view_needed) return fail(std::move(why));
    log(LogLevel::info, why.message() + "; FUSE is used");
  }
  auto device = mount_device("image", root.source);
  if (!device) return fail(std::move(device).error());
  if (auto served = serve(std::move(*device), Served::tree); !served) return served;
  struct stat found;
  if (::stat("image", &found) != 0) return root_failure(errno, "the image does not answer");
  widen_read_ahead(device_name(found.st_dev));
  return {};
}

// Copies the attributes of the image's root, as the merged root shows those of the upper layer.
Status make_upper() {
  if (::mkdir("changes/upper", 0755) != 0)
    return errno == EEXIST ? Status() : root_failure(errno, "cannot create the upper layer");
  struct stat root;
  if (::stat("image", &root) != 0) return root_failure(errno, "the image does not answer");
  const std::array times{root.st_atim, root.st_mtim};
  if (::chown("changes/upper", root.st_uid, root.st_gid) == 0 &&
      ::chmod("changes/upper", root.st_mode & 07777) == 0 &&
      ::utimensat(AT_FDCWD, "changes/upper", times.data(), 0) == 0)
    return {};
  return root_failure(errno, "cannot create the upper layer");
}

// Mounts overlayfs over the image at `root` in the working directory.
Status mount_overlay(const ImageRoot& root, const UniqueFd& upper) {
  for (const char* directory : {"root", "changes"})
    if (auto made = make_directory(directory); !made) return made;
  if (auto attached = attach(upper, "changes"); !attached) return attached;
  if (auto made = make_upper(); !made) return made;
  if (auto made = make_directory("changes/work"); !made) return made;
  // The kernel reserves trusted.* for the first user namespace. Otherwise the defaults may be on: then
  // changes refer to files of the image, and `layoutfs commit` cannot make a layer of them.
  const std::string options =
      std::string("lowerdir=image,upperdir=changes/upper,workdir=changes/work") +
      (is_first_user_namespace() ? ",redirect_dir=follow,metacopy=off,index=off" : ",userxattr");
  if (::mount("overlay", "root", "overlay", 0, options.c_str()) == 0) return {};
  return root_failure(errno, "cannot mount overlayfs" + (root.upper.empty() ? "" : " with " + root.upper));
}

// Puts the old root on top of the new one, out of reach of any path, until it is unmounted.
Status pivot(const char* new_root) {
  if (::chdir(new_root) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0) return {};
  return root_failure(errno, "cannot change the root directory");
}

Status attach_device(const UniqueFd& device, const std::string& target) {
  if (!device) return {};
  if (auto made = open_at(AT_FDCWD, target, O_WRONLY | O_CREAT | O_EXCL, 0666); !made)
    return fail(Errc::mount_failed, made.error().message());
  return attach(device, target);
}

// Makes a directory of the root directory itself. A symlink of the image would make the mount cover another
// directory, or the root.
Status make_mount_point(RootDirectory& root, const std::string& path, mode_t mode) {
  if (auto made = root.make_directory(path, mode); !made)
    return fail(Errc::mount_failed, "cannot create the directory " + made.error().message());
  return {};
}

Status populate_dev(RootDirectory& root, const HostMounts& host) {
  if (auto made = make_mount_point(root, "/dev", 0755); !made) return made;
  if (auto mounted = mount_new("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755"); !mounted) return mounted;
  for (std::size_t i = 0; i < kDevices.size(); ++i)
    if (auto attached = attach_device(host.devices[i], "/dev/" + std::string(kDevices[i])); !attached)
      return attached;
  if (auto made = make_directory("/dev/pts"); !made) return made;
  if (auto attached = attach(host.terminals, "/dev/pts"); !attached) return attached;
  if (auto made = make_directory("/dev/shm"); !made) return made;
  if (auto mounted = mount_new("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"); !mounted)
    return mounted;
  constexpr std::array<std::array<const char*, 2>, 4> kLinks{{{"/proc/self/fd", "/dev/fd"},
                                                              {"/proc/self/fd/0", "/dev/stdin"},
                                                              {"/proc/self/fd/1", "/dev/stdout"},
                                                              {"/proc/self/fd/2", "/dev/stderr"}}};
  for (const auto& [target, link] : kLinks)
    if (::symlink(target, link) != 0) return root_failure(errno, "cannot create " + std::string(link));
  return {};
}

void attach_resolver(RootDirectory& root, const UniqueFd& resolver) {
  if (!resolver) return;
  const auto covered = root.make_file("/etc/resolv.conf");
  auto attached = covered ? attach(resolver, *covered) : Status(fail(Error(covered.error())));
  if (!attached)
    log(LogLevel::warning, "the image has no resolv.conf of the host: " + attached.error().message());
}

Status populate(RootDirectory& root, const HostMounts& host) {
  if (auto made = make_mount_point(root, "/proc", 0555); !made) return made;
  if (auto mounted = mount_new("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC); !mounted) return mounted;
  if (auto made = make_mount_point(root, "/sys", 0555); !made) return made;
  if (auto attached = attach(host.sys, "/sys"); !attached) return attached;
  if (auto populated = populate_dev(root, host); !populated) return populated;
  attach_resolver(root, host.resolver);
  return {};
}

// Creates a missing directory, like container engines.
Status enter_working_directory(RootDirectory& root, const std::string& directory) {
  const auto path = root.make_directories(std::filesystem::path("/") / directory);
  if (!path) return fail(Errc::mount_failed, "the image's working directory " + path.error().message());
  if (::chdir(("/" + *path).c_str()) == 0) return {};
  return root_failure(errno, "the image's working directory " + *path);
}

}  // namespace

bool are_users_missing() { return known_users() < 0x1'0000; }

Status enter(const ImageRoot& root, const Serve& serve, std::vector<std::string>& made) {
  if (::unshare(CLONE_NEWNS) != 0) return root_failure(errno, "cannot create a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    const int failure = errno;
    // Neither mount(2) nor pivot_root(2) accepts such a root.
    if (failure == EINVAL)
      return fail(Error(Errc::mount_failed,
                        "cannot change the root directory: / is not a mount point, as after chroot(8)")
                      .with_hint("before you enter that chroot, run: mount --bind DIR DIR"));
    return root_failure(failure, "cannot make the mounts private");
  }
  const auto host = clone_host_mounts(root.upper);
  if (!host) return std::unexpected(host.error());

  if (auto mounted = mount_new("tmpfs", kWorkshop, MS_NOSUID | MS_NODEV, "mode=755"); !mounted)
    return mounted;
  if (::chdir(kWorkshop) != 0) return root_failure(errno, kWorkshop);
  if (auto mounted = mount_image(root, serve); !mounted) return mounted;
  if (auto mounted = mount_overlay(root, host->upper); !mounted) return mounted;

  if (auto changed = pivot("root"); !changed) return changed;
  // This must precede the unmount: in a user namespace in which no other proc is visible, the kernel refuses
  // a new one.
  RootDirectory directory;
  auto populated = populate(directory, *host);
  if (populated && ::umount2(".", MNT_DETACH) != 0)
    populated = root_failure(errno, "cannot leave the old root directory");
  if (populated) populated = enter_working_directory(directory, root.working_directory);
  made.insert(made.end(), directory.made().begin(), directory.made().end());
  if (!populated) return populated;
  if (root.is_read_only && ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
    return root_failure(errno, "cannot make the root directory read-only");
  return {};
}

}  // namespace layoutfs::tools
