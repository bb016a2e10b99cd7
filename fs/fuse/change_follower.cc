#include "fs/fuse/change_follower.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <exception>
#include <string>

#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Combines many changes at once, e.g. of a garbage collection.
constexpr int kIntervalMs = 50;

}  // namespace

ChangeFollower::ChangeFollower(Filesystem& filesystem, AnswerCache& kernel)
    : filesystem_(filesystem), kernel_(kernel) {
  if (over_) thread_ = std::thread([this] { run(); });
}

ChangeFollower::~ChangeFollower() {
  over_.raise();
  if (thread_.joinable()) thread_.join();
}

void ChangeFollower::run() {
  std::array<pollfd, 3> waited{
      {{over_.fd(), POLLIN, 0}, {asked_.fd(), POLLIN, 0}, {filesystem_.changes_fd(), POLLIN, 0}}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    if (waited[0].revents != 0) return;
    const bool is_asked = waited[1].revents != 0;
    if (is_asked) asked_.lower();
    try {
      // The order matters: a change during the invalidation is another change.
      if (filesystem_.has_changed() || is_asked) filesystem_.invalidate_changed(kernel_);
    } catch (const std::exception& failure) {
      log(LogLevel::warning, std::string("following changes: ") + failure.what());
    }
    if (::poll(waited.data(), 1, kIntervalMs) > 0) return;
  }
}

}  // namespace layoutfs
