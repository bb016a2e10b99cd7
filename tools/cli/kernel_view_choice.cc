#include "tools/cli/kernel_view_choice.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/path_in_proc.h"
#include "core/base/user_namespace.h"
#include "core/erofs/stored_erofs.h"
#include "core/image/file_attributes.h"
#include "fs/fuse/fuse_device.h"
#include "fs/kernel/erofs_devices.h"
#include "fs/kernel/new_mount.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> impossible(const std::string& why) { return fail(Errc::mount_failed, why); }

// The same as those of FUSE: later options win, and devices and set-user-ID programs must be allowed.
unsigned attributes_of(const std::vector<std::string>& options) {
  struct Attribute {
    std::string_view off, on;
    unsigned bit;
    bool is_set;
  };
  Attribute attributes[] = {{"suid", "nosuid", MOUNT_ATTR_NOSUID, true},
                            {"dev", "nodev", MOUNT_ATTR_NODEV, true},
                            {"exec", "noexec", MOUNT_ATTR_NOEXEC, false},
                            {"", "noatime", MOUNT_ATTR_NOATIME, false}};
  unsigned bits = 0;
  for (Attribute& attribute : attributes) {
    for (const std::string& option : options) {
      if (option == attribute.on) attribute.is_set = true;
      if (option == attribute.off) attribute.is_set = false;
    }
    if (attribute.is_set) bits |= attribute.bit;
  }
  return bits;
}

Status check_options(const MountOptions& options, bool has_acls) {
  if (options.uid || options.gid) return impossible("uid= and gid= need FUSE");
  if (options.acl == false && has_acls) return impossible("noacl needs FUSE for an image with ACLs");
  if (std::ranges::find(options.kernel, "auto_unmount") != options.kernel.end())
    return impossible("auto_unmount needs FUSE");
  return {};
}

}  // namespace

Result<PreparedView> prepare_view(const ImagePtr& image, const Digest& manifest, IndexCache cache,
                                  const MountOptions& options) {
  if (::geteuid() != 0 || !is_first_user_namespace())
    return impossible("only root of the initial user namespace can mount EROFS");
  if (auto checked = check_filesystem("erofs"); !checked) return fail(std::move(checked).error());
  const ImageTree& tree = image->tree();
  const bool has_acls = FileAttributes(tree, {}).has_acls();
  if (auto checked = check_options(options, has_acls); !checked) return fail(std::move(checked).error());
  auto erofs = open_erofs(cache, tree, manifest, ErofsPlacement::two_devices);
  if (!erofs) return fail(std::move(erofs).error());
  return PreparedView{.reader = std::make_shared<const ErofsReader>(image, *erofs->image),
                      .metadata = std::move(erofs->file),
                      .attributes = attributes_of(options.kernel),
                      .has_acls = has_acls};
}

std::shared_ptr<Filesystem> PreparedView::devices(const std::string& source) const {
  return std::make_shared<ErofsDevices>(reader, view_source(source),
                                        metadata ? path_in_proc(metadata.get()) : "");
}

ViewOptions PreparedView::mount_options(const std::string& source) const {
  return {.source = view_source(source),
          .is_metadata_stored = static_cast<bool>(metadata),
          .has_acls = has_acls,
          .attributes = attributes};
}

Status serve_view(const PreparedView& view, SessionOptions options, const std::function<void()>& ready) {
  auto hidden = make_hidden_mount();
  if (!hidden) return fail(std::move(hidden).error());
  options.hidden_device = hidden->device.get();
  options.show_view = [&]() -> Result<std::string> {
    const UniqueFd mount = std::move(hidden->mount);
    // The working directory, which mount_view() changes, belongs to this thread alone from now on.
    if (::unshare(CLONE_FS) != 0) return fail(Errc::mount_failed, Error::system(errno, "unshare").message());
    const auto shown = mount_view(mount, view.mount_options(options.source));
    if (!shown) return fail(Error(shown.error()));
    const auto found = stat_of(shown->get(), "the view");
    if (!found) return fail(Error(found.error()));
    if (auto attached = attach_mount(*shown, options.mount_point); !attached)
      return fail(std::move(attached).error());
    return device_name(found->st_dev);
  };
  auto session = FuseSession::mount(view.devices(options.source), options);
  if (!session) return fail(std::move(session).error());
  hidden->device.release();  // the session owns it
  return (*session)->serve(ready);
}

}  // namespace layoutfs::tools
