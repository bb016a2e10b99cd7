// Parses /proc/self/mountinfo.
#include "fs/fuse/mount_table.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "core/base/split.h"

namespace layoutfs {

std::optional<char> octal_escape(std::string_view behind_backslash) {
  const std::string_view digits = behind_backslash.substr(0, 3);
  if (digits.size() < 3 || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '7'; }))
    return std::nullopt;
  return static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
}

std::string unescape_mount_point(std::string_view escaped) {
  std::string text;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const auto byte = escaped[i] == '\\' ? octal_escape(escaped.substr(i + 1)) : std::nullopt;
    if (byte) {
      text += *byte;
      i += 3;
    } else {
      text += escaped[i];
    }
  }
  return text;
}

namespace {

// "rw,user_id=1000,group_id=1000"
std::optional<std::uint32_t> user_of(const std::string& options) {
  constexpr std::string_view kName = "user_id=";
  for (const std::string& option : split(options, ',')) {
    if (!option.starts_with(kName)) continue;
    std::uint32_t user = 0;
    const auto end = option.data() + option.size();
    if (std::from_chars(option.data() + kName.size(), end, user).ptr == end) return user;
  }
  return std::nullopt;
}

Mount make_mount(std::string device, std::string type, const std::string& source,
                 const std::string& options) {
  Mount mount{.device = std::move(device), .type = std::move(type), .user = user_of(options)};
  mount.source = unescape_mount_point(source);
  if (mount.type == "fuse.layoutfs") mount.view = View::fuse;
  if (mount.type == "erofs" && mount.source.starts_with(kViewSource)) {
    mount.view = View::kernel;
    mount.source.erase(0, kViewSource.size());
    mount.user = 0;
  }
  return mount;
}

// Calls `visit(mount point, mount)` for each mount; later ones are on top.
template <typename Visit>
void for_each_mount(const Visit& visit) {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, field, type;
    fields >> id >> parent >> device >> root >> point;
    while (fields >> field && field != "-") continue;  // options, and any number of optional fields
    std::string source, options;
    fields >> type >> source >> options;
    visit(unescape_mount_point(point), make_mount(std::move(device), std::move(type), source, options));
  }
}

}  // namespace

std::optional<Mount> find_mount(std::string_view mount_point) {
  std::optional<Mount> found;
  for_each_mount([&](const std::string& point, Mount mount) {
    if (point == mount_point) found = std::move(mount);
  });
  return found;
}

std::vector<std::pair<std::string, Mount>> all_mounts() {
  std::vector<std::pair<std::string, Mount>> mounts;
  for_each_mount(
      [&](std::string point, Mount mount) { mounts.emplace_back(std::move(point), std::move(mount)); });
  return mounts;
}

std::vector<std::pair<std::string, Mount>> layoutfs_mounts() {
  auto mounts = all_mounts();
  std::erase_if(mounts, [](const auto& each) { return !each.second.view; });
  return mounts;
}

}  // namespace layoutfs
