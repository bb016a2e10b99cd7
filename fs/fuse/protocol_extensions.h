// Features of the kernel's protocol that libfuse does not know (its version 3.14 ends at protocol 7.38).
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

struct fuse_session;

namespace layoutfs {

// The start of a session, FUSE_INIT, as the kernel and libfuse exchange it. One per session.
//
// Idmapped mounts (mount_setattr(2), FUSE_ALLOW_IDMAP): from Linux 6.12 on. The kernel then no longer tells
// who makes a request: fuse_ctx has kUnknownUser as user and group. It refuses the session unless the mount
// has the option default_permissions.
class ProtocolExtensions {
 public:
  // Looks at a request before libfuse does. `request` has the length that the kernel has written.
  void look_at(std::span<const std::byte> request) noexcept {
    if (request.size() == kInitRequestSize) look_at_init(request);
  }
  // Returns whether the answer of libfuse to FUSE_INIT is expected, which extend() may change.
  bool is_answer_due() const noexcept { return init_.load(std::memory_order_relaxed) != kNone; }
  // Sends `answer`, with the extensions if it answers FUSE_INIT. Returns the result of writev(2).
  ssize_t send(int device, std::span<const iovec> answer) noexcept;

 private:
  static constexpr std::size_t kInitRequestSize = 104;  // since protocol 7.36
  static constexpr std::uint64_t kNone = 0;             // the kernel gives no request this number

  void look_at_init(std::span<const std::byte> request) noexcept;

  std::atomic<std::uint64_t> init_ = kNone;  // the number of a FUSE_INIT whose kernel offers idmapped mounts
};

// Lets `session`, which is mounted and whose user data is a FuseServer, use these features as far as the
// kernel offers them. For other requests and answers, this is one comparison each.
void extend_protocol(fuse_session* session);

}  // namespace layoutfs
