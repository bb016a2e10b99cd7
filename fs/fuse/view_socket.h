// Statistics of kernel views. EROFS, which programs see, cannot pass questions to the server, so it answers
// them on a socket in kViewSocketDirectory that has the name of the EROFS device, e.g. "0:57".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/base/event_fd.h"
#include "core/base/file.h"
#include "layoutfs/error.h"

namespace layoutfs {

inline constexpr const char* kViewSocketDirectory = "/run/layoutfs";

// Answers each connection with the result of `answer`, on its own thread.
class ViewSocket {
 public:
  // Replaces the socket of an earlier view with that device, whose server has been killed.
  static Result<std::unique_ptr<ViewSocket>> open(const std::string& device,
                                                  std::function<std::string()> answer);
  ViewSocket(const ViewSocket&) = delete;
  ViewSocket& operator=(const ViewSocket&) = delete;
  ~ViewSocket();

 private:
  ViewSocket(std::string path, UniqueFd socket, std::function<std::string()> answer);
  void run();

  const std::string path_;
  ino_t inode_ = 0;  // of the path
  const UniqueFd socket_;
  const std::function<std::string()> answer_;
  EventFd over_;
  std::thread thread_;  // last, because it uses all other members
};

struct ViewAnswer {
  std::string text;      // "" if there is none within a second
  bool is_dead = false;  // the server has ended without closing the socket
};
ViewAnswer ask_view(const std::string& device);

}  // namespace layoutfs
