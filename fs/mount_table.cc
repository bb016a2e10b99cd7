// Reading /proc/self/mountinfo.
#include "fs/mount_table.h"

#include <fstream>
#include <sstream>

namespace layoutfs {

std::string unescape_mount_point(std::string_view escaped) {
  const auto is_octal = [&](std::size_t at) {
    return at < escaped.size() && escaped[at] >= '0' && escaped[at] <= '7';
  };
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      text += static_cast<char>((escaped[i + 1] - '0') * 64 + (escaped[i + 2] - '0') * 8 +
                                (escaped[i + 3] - '0'));
      i += 3;
    } else {
      text += escaped[i];
    }
  }
  return text;
}

std::optional<Mount> find_mount(std::string_view mount_point) {
  std::ifstream table("/proc/self/mountinfo");
  std::optional<Mount> found;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, field;
    fields >> id >> parent >> device >> root >> point;
    if (unescape_mount_point(point) != mount_point) continue;
    while (fields >> field && field != "-") continue;  // options, and any number of optional fields
    std::string type;
    fields >> type;
    found = Mount{std::move(device), std::move(type)};  // later ones lie on top
  }
  return found;
}

}  // namespace layoutfs
