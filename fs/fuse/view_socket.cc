#include "fs/fuse/view_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

#include "core/base/check.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr timeval kPatience{.tv_sec = 1, .tv_usec = 0};
constexpr int kMostWaiting = 16;
// Far more than any statistics.
constexpr std::size_t kLongestAnswer = std::size_t{64} << 10;

std::string path_of_view(const std::string& device) {
  return std::string(kViewSocketDirectory) + "/" + device;
}

// Calls bind(2) or connect(2).
int with_address(int (*call)(int, const sockaddr*, socklen_t), const UniqueFd& socket,
                 const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(path.size() < sizeof address.sun_path, "the name of a device is too long");
  path.copy(address.sun_path, path.size());
  return call(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

// A client that does not read must not stop the answers to others, nor the end of the server.
void limit_time(const UniqueFd& connection) {
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(connection.get(), SOL_SOCKET, option, &kPatience, sizeof kPatience);
}

}  // namespace

Result<std::unique_ptr<ViewSocket>> ViewSocket::open(const std::string& device,
                                                     std::function<std::string()> answer) {
  const std::string path = path_of_view(device);
  const auto failure = [&](const char* what) {
    return std::unexpected(Error::system(errno, path + ": " + what));
  };
  if (::mkdir(kViewSocketDirectory, 0755) != 0 && errno != EEXIST) return failure("mkdir");
  UniqueFd socket = new_socket();
  if (!socket) return failure("socket");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure("unlink");
  if (with_address(::bind, socket, path) != 0) return failure("bind");
  std::unique_ptr<ViewSocket> made(new ViewSocket(path, std::move(socket), std::move(answer)));
  // Statistics are no secret. (bind(2) follows the umask.)
  if (::chmod(path.c_str(), 0666) != 0) return failure("chmod");
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return failure("stat");
  made->inode_ = found.st_ino;
  if (::listen(made->socket_.get(), kMostWaiting) != 0) return failure("listen");
  if (!made->over_) return failure("eventfd");
  try {
    made->thread_ = std::thread([view = made.get()] { view->run(); });
  } catch (const std::system_error& error) {
    return std::unexpected(Error::system(error.code().value(), path + ": thread"));
  }
  return made;
}

ViewSocket::ViewSocket(std::string path, UniqueFd socket, std::function<std::string()> answer)
    : path_(std::move(path)), socket_(std::move(socket)), answer_(std::move(answer)) {}

// The view's device number was free as soon as the view was gone, so another view may have it already.
ViewSocket::~ViewSocket() {
  struct stat found;
  if (::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_) ::unlink(path_.c_str());
  over_.raise();
  if (thread_.joinable()) thread_.join();
}

void ViewSocket::run() {
  std::array<pollfd, 2> waited{{{over_.fd(), POLLIN, 0}, {socket_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    if (waited[0].revents != 0) return;
    const UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) continue;
    limit_time(connection);
    try {
      const std::string text = answer_();
      // MSG_NOSIGNAL: the client may have gone.
      ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
    } catch (const std::exception& failure) {
      log(LogLevel::warning, std::string("statistics: ") + failure.what());
    }
  }
}

ViewAnswer ask_view(const std::string& device) {
  const UniqueFd connection = new_socket();
  if (!connection) return {};
  limit_time(connection);
  if (with_address(::connect, connection, path_of_view(device)) != 0)
    return {.text = "", .is_dead = errno == ECONNREFUSED};
  std::string text;
  std::array<char, 4096> part;
  for (;;) {
    const ssize_t size = ::recv(connection.get(), part.data(), part.size(), 0);
    if (size == 0) return {.text = std::move(text)};
    if (size < 0 || text.size() > kLongestAnswer) return {};
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace layoutfs
