#include "fs/kernel/kernel_view.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "core/base/path_in_proc.h"
#include "fs/fuse/fuse_device.h"
#include "fs/fuse/mount_table.h"
#include "fs/kernel/erofs_devices.h"
#include "fs/kernel/new_mount.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

namespace fs = std::filesystem;

// fsconfig(2) accepts 255 bytes.
constexpr std::size_t kLongestSource = 255;
constexpr const char* kReadAheads = "/sys/class/bdi";

std::unexpected<Error> view_failure(int errno_value, const std::string& what) {
  return fail(Errc::mount_failed, Error::system(errno_value, what).message());
}

// Makes a directory the working directory during its lifetime.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const UniqueFd& directory)
      : before_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
        is_set_(before_ && ::fchdir(directory.get()) == 0) {}
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory() {
    if (is_set_ && ::fchdir(before_.get()) != 0)
      log(LogLevel::warning, "cannot return to the working directory");
  }
  bool is_set() const noexcept { return is_set_; }

 private:
  UniqueFd before_;
  bool is_set_;
};

Result<UniqueFd> open_in(const UniqueFd& hidden, const char* name, int flags) {
  UniqueFd file(retried([&] { return ::openat(hidden.get(), name, flags | O_CLOEXEC); }));
  if (!file) return view_failure(errno, std::string("the server of the image: ") + name);
  return file;
}

// EROFS has its own read-ahead, which sysfs shows by a name that tells nothing of the mount.
std::set<std::string> read_aheads() {
  std::set<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator each(kReadAheads, failed), end; !failed && each != end; each.increment(failed))
    if (std::string name = each->path().filename(); name.starts_with("erofs-")) names.insert(std::move(name));
  return names;
}

// The default of 128 KiB makes pages of large files small, and mmap(2) slow. A failure costs only speed.
void widen_new_read_aheads(const std::set<std::string>& before) {
  for (const std::string& name : read_aheads())
    if (!before.contains(name)) std::ofstream(fs::path(kReadAheads) / name / "read_ahead_kb") << 1024;
}

Result<UniqueFd> mount_erofs(const UniqueFd& hidden, const ViewOptions& options, const UniqueFd& data,
                             const UniqueFd& direct, const char* metadata) {
  auto directory = open_in(hidden, metadata, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory;
  const WorkingDirectory working(*directory);
  if (!working.is_set()) return view_failure(errno, "cannot enter the hidden mount");
  // In the order of the table of devices.
  std::vector<MountParameter> parameters{{"source", options.source},
                                         {"device", path_in_proc(data.get())},
                                         {"device", path_in_proc(direct.get())},
                                         {"ro"}};
  // A kernel without support for ACLs reports this option, and does not refuse it.
  if (options.has_acls) parameters.push_back({"acl"});
  return make_mount("erofs", parameters, options.attributes | MOUNT_ATTR_RDONLY);
}

}  // namespace

Result<HiddenMount> make_hidden_mount() {
  auto device = open_device();
  if (!device) return fail(std::move(device).error());
  const std::vector<MountParameter> parameters{{"source", "layoutfs"},
                                               {"subtype", "layoutfs"},
                                               {"fd", std::to_string(device->get())},
                                               {"rootmode", "40000"},
                                               {"user_id", "0"},
                                               {"group_id", "0"},
                                               {"ro"}};
  auto mount = make_mount("fuse", parameters, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!mount) return fail(std::move(mount).error());
  return HiddenMount{std::move(*device), std::move(*mount)};
}

std::string view_source(const std::string& name) {
  std::string path = name;
  // The way out of a directory would lead out of those of ErofsDevices.
  std::error_code failed;
  if ((path + "/").find("../") != std::string::npos) path = fs::absolute(path, failed).lexically_normal();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t longest = kLongestSource - kViewSource.size();
  constexpr std::string_view kCut = "...";
  if (path.size() > longest) path.replace(0, path.size() - longest + kCut.size(), kCut);
  return std::string(kViewSource) + path;
}

Result<UniqueFd> mount_view(const UniqueFd& hidden, const ViewOptions& options) {
  auto data = open_in(hidden, ErofsDevices::kData, O_RDONLY);
  if (!data) return data;
  auto direct = open_in(hidden, ErofsDevices::kDirect, O_RDONLY);
  if (!direct) return direct;
  if (const auto found = stat_of(data->get(), ErofsDevices::kData))
    widen_read_ahead(device_name(found->st_dev));

  const std::set<std::string> before = read_aheads();
  Result<UniqueFd> view = fail(Errc::mount_failed, "no metadata");
  if (options.is_metadata_stored) {
    view = mount_erofs(hidden, options, *data, *direct, ErofsDevices::kStored);
    if (!view)
      log(LogLevel::info, "kernel view: reading the metadata from the server: " + view.error().message());
  }
  if (!view) view = mount_erofs(hidden, options, *data, *direct, ErofsDevices::kServed);
  if (view) widen_new_read_aheads(before);
  return view;
}

}  // namespace layoutfs
