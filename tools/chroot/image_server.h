// A process that serves an image to other mount namespaces.
#pragma once

#include <sys/types.h>

#include <memory>

#include "core/base/file.h"
#include "core/image/image_library.h"
#include "fs/tree/filesystem.h"
#include "tools/chroot/foreground_child.h"
#include "tools/chroot/image_root.h"

namespace layoutfs::tools {

class ImageServer {
 public:
  // Forks the server, before any thread runs. `view` is null if only FUSE shows the image. The server has its
  // own session, so that signals of the terminal do not reach it, and does not block those of `signals`. It
  // serves one mount after the other, and ends when no process is left that could send it a device.
  static Result<ImageServer> start(const ImagePtr& image, const std::shared_ptr<ImageLibrary>& library,
                                   const std::shared_ptr<Filesystem>& view, const ForwardedSignals& signals);

  // Sends the device of a mount to the server, from this process or a child. With `is_for_root_alone`
  // all files of a tree are shown as root's.
  Status serve(UniqueFd device, Served served, bool is_for_root_alone);
  // Call it in each process that will not call serve(): see start().
  void release() { socket_.reset(); }
  pid_t process() const noexcept { return process_; }

 private:
  ImageServer(pid_t process, UniqueFd socket) : process_(process), socket_(std::move(socket)) {}
  pid_t process_;
  UniqueFd socket_;
};

}  // namespace layoutfs::tools
