#include "tools/extract/placement.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/file.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> exists(const std::string& path) {
  return fail(Error(Errc::already_exists, path + ": already exists")
                  .with_hint("replace existing files with --force"));
}

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

}  // namespace

Placement::Placement(const ImageTree& tree, const ExtractPlan& plan, const FileAttributesWriter& attributes,
                     bool force)
    : tree_(tree), plan_(plan), attributes_(attributes), force_(force), children_(plan.directories.size()) {
  for (std::size_t i = 1; i < plan.directories.size(); ++i)
    children_[plan.directories[i].parent].push_back({plan.directories[i].name, i});
  for (const PlannedFile& file : plan.files) children_[file.directory].push_back({file.name, 0});
  for (const PlannedLink& link : plan.links) children_[link.directory].push_back({link.name, 0});
}

Status Placement::visit(std::size_t directory, int from, int to, const std::string& path) const {
  for (const Child& child : children_[directory]) {
    const std::string child_path =
        path.empty() ? std::string(child.name) : path + "/" + std::string(child.name);
    struct stat there{};
    const bool is_there = ::fstatat(to, std::string(child.name).c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there && errno != ENOENT) return fail(Error::system(errno, child_path));
    if (is_there && S_ISDIR(there.st_mode) && child.directory != 0) {
      if (auto done = enter(child, from, to, child_path); !done) return done;
      continue;
    }
    if (is_there)
      if (auto done = make_room(child, S_ISDIR(there.st_mode), from < 0 ? -1 : to, child_path); !done)
        return done;
    if (from >= 0)
      if (auto done = move_one(child, from, to, child_path); !done) return done;
  }
  return {};
}

Status Placement::enter(const Child& child, int from, int to, const std::string& path) const {
  const std::string name(child.name);
  UniqueFd below;
  if (from >= 0) {
    auto opened = open_at(from, name, kDirectory);
    if (!opened) return fail(std::move(opened).error());
    below = std::move(*opened);
  }
  const auto there = open_at(to, name, kDirectory);
  if (!there) return fail(Error(there.error()), path);
  if (auto done = visit(child.directory, from < 0 ? -1 : below.get(), there->get(), path); !done) return done;
  if (from >= 0 && ::unlinkat(from, name.c_str(), AT_REMOVEDIR) != 0) return fail(Error::system(errno, path));
  return {};
}

// Removes a file or an empty directory that the rename itself does not replace. Only checks if `to` is -1.
Status Placement::make_room(const Child& child, bool is_directory_there, int to,
                            const std::string& path) const {
  if (!force_) return exists(path);
  if (to < 0) return {};
  if (is_directory_there) {
    if (::unlinkat(to, std::string(child.name).c_str(), AT_REMOVEDIR) == 0) return {};
    return fail(Errc::already_exists, path + ": a directory with files is in its place");
  }
  if (child.directory != 0 && ::unlinkat(to, std::string(child.name).c_str(), 0) != 0)
    return fail(Error::system(errno, path));
  return {};
}

Status Placement::move_one(const Child& child, int from, int to, const std::string& path) const {
  const std::string name(child.name);
  // A skipped device.
  struct stat made{};
  if (::fstatat(from, name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return {};
  int moved = ::renameat2(from, name.c_str(), to, name.c_str(), force_ ? 0 : RENAME_NOREPLACE);
  // This file system does not support the flag. check() has just found that the name does not exist.
  if (moved != 0 && errno == EINVAL && !force_) moved = ::renameat(from, name.c_str(), to, name.c_str());
  if (moved != 0 && errno == EEXIST) return exists(path);
  if (moved != 0) return fail(Error::system(errno, path));
  if (child.directory == 0) return {};
  const mode_t mode = attributes_.mode_of(tree_.inode(plan_.directories[child.directory].inode));
  if ((made.st_mode & 07777) == mode) return {};
  // The directory had to stay writable until it was moved.
  const auto fd = open_at(to, name, kDirectory);
  if (!fd) return fail(Error(fd.error()), path);
  if (::fchmod(fd->get(), mode) != 0) return fail(Error::system(errno, path));
  return {};
}

}  // namespace layoutfs::tools
