// A process that serves an image to other namespaces than its own.
#pragma once

#include <sys/types.h>

#include <memory>

#include "core/base/file.h"
#include "core/image/image_library.h"

namespace layoutfs::tools {

class ImageServer {
 public:
  // Forks; no thread may run yet. The server is in a session of its own, where no signal of the terminal
  // reaches it. It ends when the mount is gone, or where no process is left that could give it one.
  static Result<ImageServer> start(const ImagePtr& image, const std::shared_ptr<ImageLibrary>& library);

  // Gives it the device of a mount: once, from this process or a child. With `is_for_root_alone` all files
  // are shown as root's.
  Status serve(UniqueFd device, bool is_for_root_alone);
  // In each process that will not: see start().
  void release() { socket_.reset(); }
  pid_t process() const noexcept { return process_; }

 private:
  ImageServer(pid_t process, UniqueFd socket) : process_(process), socket_(std::move(socket)) {}
  pid_t process_;
  UniqueFd socket_;
};

}  // namespace layoutfs::tools
