#include "fs/fuse/protocol_extensions.h"

#include <linux/fuse.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "fs/fuse/fuse_operations.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// FUSE_ALLOW_IDMAP, bit 40: flags2 has the bits from 32 on.
constexpr std::uint32_t kAllowIdmap2 = std::uint32_t{1} << (40 - 32);
constexpr std::uint32_t kFirstMinorWithIdmap = 41;

// Both have had this length since flags2 was added (protocol 7.36); later versions use reserved bytes.
static_assert(sizeof(fuse_init_in) == 64 && sizeof(fuse_init_out) == 64);

bool offers_idmap(const fuse_init_in& init) {
  return init.major == FUSE_KERNEL_VERSION && init.minor >= kFirstMinorWithIdmap &&
         (init.flags & FUSE_INIT_EXT) != 0 && (init.flags2 & kAllowIdmap2) != 0;
}

ssize_t read_request(int device, void* buffer, std::size_t size, void* user_data) {
  auto& server = *static_cast<FuseServer*>(user_data);
  const ssize_t length = ::read(device, buffer, size);
  if (length > 0 && server.is_own_mount)
    server.extensions.look_at(
        std::span(static_cast<const std::byte*>(buffer), static_cast<std::size_t>(length)));
  // The end of a mount during a read. libfuse ends the session with an error then.
  if (length < 0 && errno == ECONNABORTED) errno = ENODEV;
  return length;
}

ssize_t write_answer(int device, iovec* parts, int count, void* user_data) {
  auto& extensions = static_cast<FuseServer*>(user_data)->extensions;
  if (!extensions.is_answer_due()) return ::writev(device, parts, count);
  return extensions.send(device, std::span(parts, static_cast<std::size_t>(count)));
}

}  // namespace

void ProtocolExtensions::look_at_init(std::span<const std::byte> request) noexcept {
  static_assert(kInitRequestSize == sizeof(fuse_in_header) + sizeof(fuse_init_in));
  fuse_in_header header;
  std::memcpy(&header, request.data(), sizeof header);
  if (header.opcode != FUSE_INIT || header.len != kInitRequestSize) return;
  fuse_init_in init;
  std::memcpy(&init, request.data() + sizeof header, sizeof init);
  if (offers_idmap(init)) init_ = header.unique;
}

ssize_t ProtocolExtensions::send(int device, std::span<const iovec> answer) noexcept {
  const auto plainly = [&] { return ::writev(device, answer.data(), static_cast<int>(answer.size())); };
  fuse_out_header header;
  if (answer.empty() || answer[0].iov_len != sizeof header) return plainly();
  std::memcpy(&header, answer[0].iov_base, sizeof header);
  // Answered once. Notifications have the number 0.
  if (std::uint64_t expected = header.unique;
      header.unique == kNone || !init_.compare_exchange_strong(expected, kNone))
    return plainly();
  fuse_init_out init;
  if (header.error != 0 || answer.size() != 2 || answer[1].iov_len != sizeof init ||
      header.len != sizeof header + sizeof init)
    return plainly();
  std::memcpy(&init, answer[1].iov_base, sizeof init);
  if (init.major != FUSE_KERNEL_VERSION || (init.flags & FUSE_INIT_EXT) == 0) return plainly();
  init.flags2 |= kAllowIdmap2;
  const std::array<iovec, 2> extended{{{&header, sizeof header}, {&init, sizeof init}}};
  return ::writev(device, extended.data(), extended.size());
}

void extend_protocol(fuse_session* session) {
  // Without functions for splice(2), libfuse does not use it. It would not anyway: that takes write_buf, or
  // answers by fuse_reply_data().
  const fuse_custom_io io{
      .writev = write_answer, .read = read_request, .splice_receive = nullptr, .splice_send = nullptr};
  if (fuse_session_custom_io(session, &io, fuse_session_fd(session)) != 0)
    log(LogLevel::debug, "libfuse: no custom input and output: the mount cannot be idmapped");
}

}  // namespace layoutfs
