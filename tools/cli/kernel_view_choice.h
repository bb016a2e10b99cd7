// The choice between the kernel view and FUSE for the mount of one image.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/file.h"
#include "core/erofs/erofs_reader.h"
#include "core/image/image_library.h"
#include "fs/fuse/fuse_session.h"
#include "fs/kernel/kernel_view.h"
#include "fs/tree/filesystem.h"
#include "tools/cli/mount_options.h"

namespace layoutfs::tools {

// An image, ready to be shown by the kernel.
struct PreparedView {
  std::shared_ptr<const ErofsReader> reader;
  UniqueFd metadata;        // the file in the cache directory; none if the server has the metadata in memory
  unsigned attributes = 0;  // MOUNT_ATTR_*
  bool has_acls = false;

  // The files that EROFS reads, if `source` is shown as the source of the mount; and the options for mounting
  // it. This must outlive both.
  std::shared_ptr<Filesystem> devices(const std::string& source) const;
  ViewOptions mount_options(const std::string& source) const;
};

// Prepares the view. Errors say why it is impossible: Errc::unsupported if the image, Errc::mount_failed if
// this process or an option needs FUSE.
Result<PreparedView> prepare_view(const ImagePtr& image, const Digest& manifest, IndexCache cache,
                                  const MountOptions& options);

// Mounts the view on `options.mount_point` and serves it, as FuseSession::serve() does, in this process;
// `options` has no hidden mount yet. Errors before `ready` is called leave nothing behind, and FUSE may be
// used instead.
Status serve_view(const PreparedView& view, SessionOptions options, const std::function<void()>& ready);

}  // namespace layoutfs::tools
