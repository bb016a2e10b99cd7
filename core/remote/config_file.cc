#include "core/remote/config_file.h"

#include <fcntl.h>

#include "core/base/file.h"

namespace layoutfs {

Result<std::optional<Bytes>> read_config_file(const std::string& path) {
  // A FIFO would block without O_NONBLOCK.
  auto file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file) {
    if (file.error().sys() == ENOENT || file.error().sys() == ENOTDIR) return std::nullopt;
    return fail(std::move(file).error());
  }
  auto content = read_all(file->get(), path, kMaxConfigFile);
  if (content) return std::move(*content);
  const Errc code = content.error().code();
  if (code != Errc::invalid_image && code != Errc::unsupported) return fail(std::move(content).error());
  return fail(Errc::invalid_argument, content.error().message());
}

}  // namespace layoutfs
