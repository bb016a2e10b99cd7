#include "tools/chroot/image_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "fs/fuse/fuse_session.h"
#include "tools/cli/command.h"
#include "tools/cli/served_image.h"

namespace layoutfs::tools {
namespace {

// A message with a descriptor (unix(7), SCM_RIGHTS).
struct DeviceMessage {
  struct {
    Served served;
    bool is_for_root_alone;
  } content{};
  iovec data{&content, sizeof content};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{.msg_name = nullptr,
                .msg_namelen = 0,
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof control,
                .msg_flags = 0};
};

struct Received {
  UniqueFd device;
  Served served = Served::tree;
  bool is_for_root_alone = false;
};

// Returns an empty message if all senders are gone.
Received receive(int socket) {
  DeviceMessage message;
  if (retried([&] { return ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); }) != sizeof message.content)
    return {};
  const cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return {};
  int device = -1;
  std::memcpy(&device, CMSG_DATA(control), sizeof device);
  return {UniqueFd(device), message.content.served, message.content.is_for_root_alone};
}

std::shared_ptr<Filesystem> tree_of(const ImagePtr& image, const std::shared_ptr<ImageLibrary>& library,
                                    bool is_for_root_alone) {
  ImageView view;
  if (is_for_root_alone) view = {.ownership = {0, 0}, .ids = MountIds::of_root_alone(), .acl = {}};
  return image_filesystem(image, library, std::move(view));
}

Status run(Received received, std::shared_ptr<Filesystem> filesystem) {
  SessionOptions options;
  options.mount_point = "/dev/fd/" + std::to_string(received.device.get());
  options.is_lower_layer = true;
  auto session = FuseSession::mount(std::move(filesystem), options);
  if (!session) return fail(std::move(session).error());
  received.device.release();  // the session owns it
  return (*session)->serve([] {});
}

// Detaches from the terminal and the pipes, so that the command's readers and writers do not wait for the
// server.
void leave_terminal() {
  ::setsid();
  if (const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC)); null)
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(null.get(), standard);
}

}  // namespace

Result<ImageServer> ImageServer::start(const ImagePtr& image, const std::shared_ptr<ImageLibrary>& library,
                                       const std::shared_ptr<Filesystem>& view,
                                       const ForwardedSignals& signals) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return std::unexpected(Error::system(errno, "socketpair"));
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t process = ::fork();
  if (process < 0) return std::unexpected(Error::system(errno, "fork"));
  if (process > 0) return ImageServer(process, std::move(ours));

  ours.reset();
  signals.restore();
  leave_terminal();
  for (;;) {
    Received received = receive(theirs.get());
    if (!received.device) ::_exit(kDone);
    auto filesystem =
        received.served == Served::devices ? view : tree_of(image, library, received.is_for_root_alone);
    if (auto served = run(std::move(received), std::move(filesystem)); !served)
      ::_exit(report(served.error()));
  }
}

Status ImageServer::serve(UniqueFd device, Served served, bool is_for_root_alone) {
  DeviceMessage message;
  message.content = {served, is_for_root_alone};
  cmsghdr* control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  const int descriptor = device.get();
  std::memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
  if (::sendmsg(socket_.get(), &message.header, MSG_NOSIGNAL) != sizeof message.content)
    return fail(Errc::mount_failed, Error::system(errno, "the image's server").message());
  return {};
}

}  // namespace layoutfs::tools
