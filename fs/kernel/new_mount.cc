#include "fs/kernel/new_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace layoutfs {
namespace {

// The kernel keeps messages with the filesystem's descriptor, one per read(2): "e erofs: ..." with the
// severity first.
struct Messages {
  std::string text;
  bool has_error = false;
};
Messages messages_of(const UniqueFd& filesystem) {
  Messages messages;
  std::array<char, 1024> line;
  for (;;) {
    const ssize_t size = retried([&] { return ::read(filesystem.get(), line.data(), line.size()); });
    if (size <= 0) return messages;
    std::string_view message(line.data(), static_cast<std::size_t>(size));
    messages.has_error |= message.starts_with("e ");
    if (message.size() > 2 && message[1] == ' ') message.remove_prefix(2);
    while (message.ends_with('\n')) message.remove_suffix(1);
    messages.text.append(messages.text.empty() ? "" : "; ").append(message);
  }
}

Result<UniqueFd> open_filesystem(const std::string& type) {
  UniqueFd filesystem(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!filesystem)
    return fail(Errc::mount_failed, errno == ENODEV
                                        ? "the kernel has no " + type
                                        : Error::system(errno, "cannot create " + type).message());
  return filesystem;
}

std::unexpected<Error> failure(int errno_value, const std::string& what, const UniqueFd& filesystem) {
  const std::string messages = messages_of(filesystem).text;
  return fail(Errc::mount_failed,
              Error::system(errno_value, what).message() + (messages.empty() ? "" : " (" + messages + ")"));
}

}  // namespace

Status check_filesystem(const std::string& type) {
  if (auto opened = open_filesystem(type); !opened) return fail(std::move(opened).error());
  return {};
}

Result<UniqueFd> make_mount(const std::string& type, std::span<const MountParameter> parameters,
                            unsigned attributes) {
  const auto opened = open_filesystem(type);
  if (!opened) return fail(Error(opened.error()));
  const UniqueFd& filesystem = *opened;
  for (const auto& [key, value] : parameters) {
    const auto command = static_cast<unsigned>(value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING);
    if (::fsconfig(filesystem.get(), command, key.c_str(), value.empty() ? nullptr : value.c_str(), 0) != 0)
      return failure(errno, type + ": " + key, filesystem);
  }
  if (::fsconfig(filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return failure(errno, "cannot create " + type, filesystem);
  if (const Messages messages = messages_of(filesystem); messages.has_error)
    return fail(Errc::mount_failed, "cannot create " + type + ": " + messages.text);
  UniqueFd mount(::fsmount(filesystem.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return failure(errno, "cannot mount " + type, filesystem);
  return mount;
}

Status attach_mount(const UniqueFd& mount, const std::string& mount_point) {
  if (::move_mount(mount.get(), "", AT_FDCWD, mount_point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
  return fail(Errc::mount_failed, Error::system(errno, "cannot mount on " + mount_point).message());
}

}  // namespace layoutfs
