#include "tools/extract/staged_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ranges>

#include "core/base/beneath.h"
#include "core/base/guarded.h"
#include "core/base/parallel.h"

namespace layoutfs::tools {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // bytes per read
constexpr std::size_t kLongestPath = 3000;            // below PATH_MAX
constexpr std::size_t kOpenDirectories = 16;          // per thread

}  // namespace

// The open directories that one thread used last.
class StagedTree::Directories {
 public:
  explicit Directories(const StagedTree& tree) : tree_(tree) {}

  Result<int> open(std::size_t directory) {
    if (directory == 0) return tree_.top_;
    if (const int fd = find(directory); fd >= 0) return fd;
    const PlannedDirectory& planned = tree_.plan_.directories[directory];
    const int parent = planned.parent == 0 ? tree_.top_ : find(planned.parent);
    auto opened = parent >= 0 ? open_at(parent, std::string(planned.name), O_DIRECTORY | O_NOFOLLOW)
                              : tree_.open(directory);
    if (!opened) return fail(std::move(opened).error());
    if (open_.size() < kOpenDirectories) open_.emplace_back();
    auto& slot = open_[next_++ % kOpenDirectories];
    slot = {directory, std::move(*opened)};
    return slot.second.get();
  }

 private:
  int find(std::size_t directory) const {
    const auto found = std::ranges::find(open_, directory, [](const auto& each) { return each.first; });
    return found == open_.end() ? -1 : found->second.get();
  }

  const StagedTree& tree_;
  std::vector<std::pair<std::size_t, UniqueFd>> open_;
  std::size_t next_ = 0;
};

Result<UniqueFd> StagedTree::open(std::size_t directory) const {
  std::vector<std::string_view> names;
  for (; directory != 0; directory = plan_.directories[directory].parent)
    names.push_back(plan_.directories[directory].name);
  UniqueFd here;
  std::string path = ".";
  const auto step = [&]() -> Status {
    auto opened = open_beneath({.fd = here ? here.get() : top_, .path = ""}, path, O_RDONLY | O_DIRECTORY);
    if (!opened) return fail(Error::system(opened.error().sys, path));
    here = std::move(*opened);
    path = ".";
    return {};
  };
  for (const std::string_view name : std::ranges::reverse_view(names)) {
    path += "/" + std::string(name);
    if (path.size() > kLongestPath)
      if (auto done = step(); !done) return fail(std::move(done).error());
  }
  if (auto done = step(); !done) return fail(std::move(done).error());
  return here;
}

Status StagedTree::make_directories() {
  Directories directories(*this);
  for (std::size_t i = 1; i < plan_.directories.size(); ++i) {
    const auto& [inode, parent, name] = plan_.directories[i];
    const auto fd = directories.open(parent);
    if (!fd) return fail(Error(fd.error()));
    if (::mkdirat(*fd, std::string(name).c_str(), S_IRWXU) != 0)
      return fail(Error::system(errno, plan_.path_of(parent, name)));
  }
  return {};
}

Status StagedTree::write_file(int directory, const PlannedFile& file, const OnProgress& progress,
                              const Context& context) {
  const InodeView inode = image_.tree().inode(file.inode);
  // The owner may write the new file, whatever its mode.
  const auto fd = open_at(directory, std::string(file.name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                          attributes_.creation_mode(inode));
  if (!fd) return fail(Error(fd.error()));
  if (inode.is_sparse && ::ftruncate(fd->get(), static_cast<off_t>(inode.size)) != 0)
    return fail(Error::system(errno, "size"));
  image_.will_read(file.inode);
  for (std::uint64_t offset = 0; offset < inode.size;) {
    const auto data = image_.seek(file.inode, offset, Image::Seek::data);
    if (!data) break;  // the rest is a hole
    const std::uint64_t hole = image_.seek(file.inode, *data, Image::Seek::hole).value_or(inode.size);
    IoBuffers pieces;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, hole - *data));
    if (auto done = image_.read(file.inode, pieces, size, *data, context); !done) return done;
    offset = *data;
    for (const ByteView piece : pieces.views()) {
      if (auto done = pwrite_all(fd->get(), piece, offset, "content"); !done) return done;
      offset += piece.size();
    }
    progress(written_ += size);
  }
  return attributes_.apply(fd->get(), inode);
}

Status StagedTree::make_other(int directory, const PlannedFile& file, const InodeView& inode) {
  const std::string name(file.name);
  int made = 0;
  if (inode.type == EntryType::symlink) {
    made = ::symlinkat(std::string(inode.target).c_str(), directory, name.c_str());
  } else if (inode.type == EntryType::fifo) {
    made = ::mkfifoat(directory, name.c_str(), attributes_.creation_mode(inode));
  } else if (!is_root_) {
    ++devices_left_out_;
    return {};
  } else {
    const mode_t type = inode.type == EntryType::character ? S_IFCHR : S_IFBLK;
    made = ::mknodat(directory, name.c_str(), type | attributes_.creation_mode(inode),
                     makedev(inode.device_major, inode.device_minor));
  }
  if (made != 0) return fail(Error::system(errno, inode.type == EntryType::symlink ? "symlink" : "node"));
  return attributes_.apply_at(directory, name, inode);
}

Status StagedTree::write_group(std::size_t group, const OnProgress& progress, const Context& context) {
  Directories directories(*this);
  const std::size_t first = group == 0 ? 0 : plan_.group_ends[group - 1];
  for (std::size_t i = first; i < plan_.group_ends[group]; ++i) {
    const PlannedFile& file = plan_.files[i];
    const auto directory = directories.open(file.directory);
    if (!directory) return fail(Error(directory.error()));
    const InodeView inode = image_.tree().inode(file.inode);
    auto done = inode.type == EntryType::file ? write_file(*directory, file, progress, context)
                                              : make_other(*directory, file, inode);
    if (!done) return fail(std::move(done).error(), plan_.path_of(file.directory, file.name));
  }
  return {};
}

Status StagedTree::make_links() {
  Directories directories(*this);
  for (const PlannedLink& link : plan_.links) {
    const PlannedFile& file = plan_.files[link.file];
    const auto type = image_.tree().inode(file.inode).type;
    const bool is_device = type == EntryType::character || type == EntryType::block;
    if (is_device && !is_root_) continue;
    // Both handles stay open, as more than two may be open.
    const auto from = directories.open(file.directory);
    if (!from) return fail(Error(from.error()));
    const auto to = directories.open(link.directory);
    if (!to) return fail(Error(to.error()));
    if (::linkat(*from, std::string(file.name).c_str(), *to, std::string(link.name).c_str(), 0) != 0)
      return fail(Error::system(errno, plan_.path_of(link.directory, link.name)));
  }
  return {};
}

// Children first: a change in a directory changes its mtime, and needs the owner's permissions.
Status StagedTree::finish_directories() {
  Directories directories(*this);
  for (std::size_t i = plan_.directories.size(); i-- > 1;) {
    const PlannedDirectory& directory = plan_.directories[i];
    const auto fd = directories.open(i);
    if (!fd) return fail(Error(fd.error()));
    if (auto done = attributes_.apply(*fd, image_.tree().inode(directory.inode), !is_root_); !done)
      return fail(std::move(done).error(), plan_.path_of(directory.parent, directory.name));
  }
  return {};
}

Status StagedTree::write(const OnProgress& progress, const Context& context) {
  if (auto done = make_directories(); !done) return done;
  Guarded<std::optional<Error>> first_error;
  std::atomic<bool> has_failed = false;
  for_each_in_parallel(plan_.group_ends.size(), [&](std::size_t group) {
    if (has_failed) return;
    auto done = context.check();
    if (done) done = write_group(group, progress, context);
    if (done) return;
    has_failed = true;
    auto error = first_error.lock();
    if (!*error) *error = std::move(done).error();
  });
  if (has_failed) return fail(std::move(**first_error.lock()));
  if (auto done = make_links(); !done) return done;
  return finish_directories();
}

void StagedTree::remove() noexcept {
  // Walks the lists once, with the recently used directories open, instead of sorting names by directory.
  Directories directories(*this);
  const auto unlink = [&](std::size_t directory, std::string_view name, int flags) {
    if (const auto fd = directories.open(directory)) ::unlinkat(*fd, std::string(name).c_str(), flags);
  };
  for (const PlannedLink& link : plan_.links) unlink(link.directory, link.name, 0);
  for (const PlannedFile& file : plan_.files) unlink(file.directory, file.name, 0);
  for (std::size_t i = plan_.directories.size(); i-- > 1;)
    unlink(plan_.directories[i].parent, plan_.directories[i].name, AT_REMOVEDIR);
}

}  // namespace layoutfs::tools
