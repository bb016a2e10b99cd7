// Walks over a directory of layouts.
#include "core/oci/repository_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/cas/layout_dir.h"
#include "core/oci/repository_names.h"

namespace layoutfs {
namespace {

// Returns whether it is the name of a layout's file, or of a temporary file that becomes one.
bool is_layout_file(std::string_view component) noexcept {
  return component == kBlobsFolder || component == kMarkerFile || component == kIndexFile ||
         component.starts_with(std::string_view("index.json."));
}

std::string joined(std::string_view name, std::string_view component) {
  std::string path(name);
  if (!path.empty()) path += '/';
  return path.append(component);
}

// Returns whether the directory has been removed or replaced, for example by a symlink.
bool is_gone(const Error& error) noexcept {
  return error.sys() == ENOENT || error.sys() == ENOTDIR || error.sys() == ELOOP;
}

// One directory of the tree.
struct TreeDirectory {
  UniqueFd handle;
  std::string name;        // empty for the tree itself
  bool is_layout = false;  // whether it has a layout's marker

  // Returns whether a sub-directory can be a repository or contain some. The names of a layout's own files
  // cannot, even if there is no layout yet; `refs` can unless the layout is older than image-spec 1.0.
  bool may_hold(std::string_view component) const {
    if (component.find('/') != std::string_view::npos || !is_repository_name(joined(name, component)))
      return false;
    if (is_layout_file(component)) return name.empty() && !is_layout;
    return component != kRefsFolder || !is_layout ||
           has_file_beneath(handle.get(), kIndexFile).value_or(false);
  }
};

Result<TreeDirectory> make_directory(UniqueFd handle, std::string name, const std::string& path) {
  // Fails if the directory is not searchable, because it may contain some.
  const auto is_layout = has_file_beneath(handle.get(), kMarkerFile);
  if (!is_layout) return fail(Error::system(is_layout.error().sys(), path));
  return TreeDirectory{std::move(handle), std::move(name), *is_layout};
}

Result<TreeDirectory> open_root(const std::string& tree) {
  auto handle = open_at(AT_FDCWD, tree, O_PATH | O_DIRECTORY);
  if (!handle) return fail(std::move(handle).error());
  return make_directory(std::move(*handle), "", tree);
}

// Errc::not_found also if `above` may not contain the name, or if it is not a directory.
Result<TreeDirectory> open_below(const std::string& tree, const TreeDirectory& above,
                                 std::string_view component) {
  std::string name = joined(above.name, component);
  const std::string path = joined(tree, name);
  if (!above.may_hold(component)) return fail(Error::system(ENOENT, path));
  auto handle = open_at(above.handle.get(), std::string(component), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!handle) return fail(Error::system(is_gone(handle.error()) ? ENOENT : handle.error().sys(), path));
  return make_directory(std::move(*handle), std::move(name), path);
}

Result<TreeDirectory> open_named(const std::string& tree, std::string_view name) {
  auto place = open_root(tree);
  while (place && !name.empty()) {
    const auto slash = name.find('/');
    place = open_below(tree, *place, name.substr(0, slash));
    name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
  }
  return place;
}

// Returns the names in no particular order.
Result<std::vector<std::string>> directories_in(const std::string& tree, const TreeDirectory& place) {
  const std::string what = joined(tree, place.name);
  auto folder = open_at(place.handle.get(), ".", kFolderFlags);
  if (!folder) return fail(Error::system(folder.error().sys(), what));
  std::vector<std::string> names;
  auto listed = for_each_entry(std::move(*folder), what, [&](const char* name, unsigned char type) -> Status {
    if (type == DT_DIR && place.may_hold(name)) names.emplace_back(name);
    return {};
  });
  if (!listed) return fail(std::move(listed).error());
  return names;
}

// Walks in the order of complete names. '-' and '.' sort before '/', so a directory is visited twice: by
// itself, and, after others that start with its name, with its sub-directories.
class Walk {
 public:
  Walk(const std::string& tree, std::string_view start_after, std::size_t limit, const Context& context)
      : tree_(tree), start_after_(start_after), limit_(limit), context_(context) {}

  Status below(const TreeDirectory& place) {
    if (auto checked = context_.check(); !checked) return checked;
    auto steps = steps_of(place);
    if (!steps && is_gone(steps.error())) return {};
    if (!steps) return fail(std::move(steps).error());
    for (const std::string& step : *steps) {
      if (is_full()) return {};
      if (auto taken = take(place, step); !taken) return taken;
    }
    return {};
  }

  std::vector<std::string> names;

 private:
  bool is_full() const { return limit_ != 0 && names.size() >= limit_; }

  // Returns the names in `place`, plain for the directory itself and with '/' for its sub-directories, if
  // they are or may lead to names after start_after.
  Result<std::vector<std::string>> steps_of(const TreeDirectory& place) const {
    auto found = directories_in(tree_, place);
    if (!found) return found;
    std::vector<std::string> steps;
    for (std::string& component : *found) {
      const std::string name = joined(place.name, component);
      if (name > start_after_) steps.push_back(component);
      component += '/';
      const std::string prefix = name + "/";
      if (prefix > start_after_ || start_after_.starts_with(prefix)) steps.push_back(std::move(component));
    }
    std::ranges::sort(steps);
    return steps;
  }

  Status take(const TreeDirectory& place, std::string_view step) {
    const bool is_for_below = step.ends_with('/');
    if (is_for_below) step.remove_suffix(1);
    auto next = open_below(tree_, place, step);
    if (!next && is_gone(next.error())) return {};
    if (!next) return fail(std::move(next).error());
    if (is_for_below) return below(*next);
    if (next->is_layout) names.push_back(std::move(next->name));
    return {};
  }

  const std::string& tree_;
  const std::string_view start_after_;
  const std::size_t limit_;
  const Context& context_;
};

}  // namespace

bool is_repository_directory(std::string_view name) noexcept {
  if (!is_repository_name(name)) return false;
  for (auto slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    name.remove_prefix(slash + 1);
    if (is_layout_file(name.substr(0, name.find('/')))) return false;
  }
  return true;
}

Result<RepositoryTree::Level> RepositoryTree::level(std::string_view name) const {
  const auto place = open_named(directory_, name);
  if (!place) return fail(Error(place.error()));
  auto below = directories_in(directory_, *place);
  if (!below) return fail(std::move(below).error());
  std::ranges::sort(*below);
  return Level{place->is_layout, std::move(*below)};
}

Result<std::vector<std::string>> RepositoryTree::list(std::string_view start_after, std::size_t limit,
                                                      const Context& context) const {
  const auto root = open_root(directory_);
  if (!root && root.error().code() == Errc::not_found) return std::vector<std::string>();
  if (!root) return fail(Error(root.error()));
  Walk walk(directory_, start_after, limit, context);
  if (auto walked = walk.below(*root); !walked) return fail(std::move(walked).error());
  return std::move(walk.names);
}

Result<UniqueFd> RepositoryTree::open(std::string_view name) const {
  auto place = open_named(directory_, name);
  if (!place) return fail(std::move(place).error());
  return std::move(place->handle);
}

Status RepositoryTree::check_way(std::string_view name) const {
  for (std::size_t end = 0; end != name.size();) {
    end = std::min(name.find('/', end + 1), name.size());
    const std::string path = directory_ + "/" + std::string(name.substr(0, end));
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0)
      return errno == ENOENT ? Status() : fail(Error::system(errno, path));
    if (!S_ISDIR(found.st_mode)) return fail(Errc::not_found, path + ": not a directory of repositories");
  }
  return {};
}

Result<std::string> RepositoryTree::path_of(std::string_view name) const {
  if (!is_repository_directory(name))
    return fail(Errc::not_found, "invalid repository name '" + std::string(name) + "'");
  if (auto place = open_named(directory_, name); !place) return fail(std::move(place).error());
  return joined(directory_, name);
}

}  // namespace layoutfs
