#include "core/cas/clean.h"

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/cas/upload_file.h"
#include "core/cas/workspace.h"

namespace layoutfs {
namespace {

constexpr std::string_view kIndexTempPrefix = "index.json.tmp";
constexpr std::int64_t kIndexTempAge = 60'000'000'000;  // nanoseconds
constexpr std::int64_t kUploadAge = 24 * 60 * kIndexTempAge;

Status remove_litter_file(int folder, const std::string& name) {
  const auto removed = remove_file(folder, name);
  if (!removed) return fail(Error(removed.error()));
  return {};
}

// A folder with any other file was not created by layoutfs, even if its name matches.
Status remove_workspace(int root, const std::string& name, const Context& context) {
  auto folder = open_at(root, name, kFolderFlags);
  // It no longer exists, or is not accessible.
  if (!folder) return {};
  // Hold the lock until the folder is removed, so that no process starts to use it.
  if (lock_file(folder->get(), LOCK_EX | LOCK_NB) != 0) return {};
  auto listed = open_at(folder->get(), ".", kFolderFlags);
  if (!listed) return fail(std::move(listed).error(), name);
  std::vector<std::string> files;
  bool is_ours = true;
  const auto visit = [&](const char* file, unsigned char type) -> Status {
    if (type == DT_REG && is_temp_file_name(file))
      files.emplace_back(file);
    else
      is_ours = false;
    return {};
  };
  if (auto visited = for_each_entry(std::move(*listed), name, visit, context); !visited) return visited;
  if (!is_ours) return {};
  for (const std::string& file : files) {
    if (auto go_on = context.check(); !go_on) return go_on;
    if (auto removed = remove_litter_file(folder->get(), file); !removed)
      return fail(std::move(removed).error(), name);
  }
  if (retried([&] { return ::unlinkat(root, name.c_str(), AT_REMOVEDIR); }) == 0 || errno == ENOENT)
    return {};
  return fail(Error::system(errno, name));
}

Status remove_index_temp(int root, const std::string& name) {
  const auto file = open_at(root, name, kReadFlags);
  if (!file) return {};
  const auto found = stat_of(file->get(), name);
  const bool is_litter = found && S_ISREG(found->st_mode) &&
                         to_ns(found->st_mtim) < now_ns() - kIndexTempAge &&
                         lock_file(file->get(), LOCK_EX | LOCK_NB) == 0;
  return is_litter ? remove_litter_file(root, name) : Status();
}

}  // namespace

Status remove_litter(const LayoutDir& layout, const Context& context) {
  auto root = open_at(layout.fd(), ".", kFolderFlags);
  if (!root) return fail(std::move(root).error());
  // List first: removing entries while reading a directory may skip others.
  std::vector<std::string> workspaces, index_temps;
  const auto visit = [&](const char* entry, unsigned char type) -> Status {
    const std::string_view name = entry;
    if (type == DT_DIR && is_workspace_name(name)) workspaces.emplace_back(name);
    if (type == DT_REG && name.starts_with(kIndexTempPrefix)) index_temps.emplace_back(name);
    return {};
  };
  if (auto listed = for_each_entry(std::move(*root), layout.path(), visit, context); !listed) return listed;
  for (const std::string& name : workspaces) {
    if (auto go_on = context.check(); !go_on) return go_on;
    if (auto removed = remove_workspace(layout.fd(), name, context); !removed) return removed;
  }
  for (const std::string& name : index_temps) {
    if (auto go_on = context.check(); !go_on) return go_on;
    if (auto removed = remove_index_temp(layout.fd(), name); !removed) return removed;
  }
  return remove_idle_uploads(layout, kUploadAge, context);
}

}  // namespace layoutfs
