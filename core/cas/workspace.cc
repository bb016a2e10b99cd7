#include "core/cas/workspace.h"

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <tuple>

namespace layoutfs {
namespace {

constexpr std::string_view kFolderPrefix = ".oci-";  // followed by random_name()
constexpr std::string_view kFilePrefix = "b-";       // followed by a number

// Returns whether `name` is `prefix` followed by `digits`.
bool is_numbered(std::string_view name, std::string_view prefix, std::string_view digits) noexcept {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of(digits, prefix.size()) == std::string_view::npos;
}

}  // namespace

bool is_workspace_name(std::string_view name) noexcept {
  constexpr std::size_t kDigits = 16;
  return name.size() == kFolderPrefix.size() + kDigits &&
         is_numbered(name, kFolderPrefix, "0123456789abcdef");
}

bool is_temp_file_name(std::string_view name) noexcept {
  constexpr std::size_t kMaxDigits = 20;  // of 64 bits
  return name.size() <= kFilePrefix.size() + kMaxDigits && is_numbered(name, kFilePrefix, "0123456789");
}

struct TempFile::Folder {
  const LayoutDir& layout;
  std::string name;
  UniqueFd fd;  // locked

  Folder(const LayoutDir& layout_, std::string name_, UniqueFd fd_)
      : layout(layout_), name(std::move(name_)), fd(std::move(fd_)) {}
  ~Folder() { ::unlinkat(layout.fd(), name.c_str(), AT_REMOVEDIR); }
};

TempFile::~TempFile() {
  if (folder_ != nullptr) ::unlinkat(folder_->fd.get(), name_.c_str(), 0);
}

int TempFile::folder() const noexcept { return folder_->fd.get(); }

bool TempFile::rename_to_new(int directory, const std::string& name) {
  const auto rename = [&] {
    return ::renameat2(folder(), name_.c_str(), directory, name.c_str(), RENAME_NOREPLACE);
  };
  if (retried(rename) != 0) return false;
  folder_.reset();
  return true;
}

Status TempFile::rename_to(int directory, const std::string& name) {
  if (retried([&] { return ::renameat(folder(), name_.c_str(), directory, name.c_str()); }) != 0)
    return fail(Error::system(errno, name));
  folder_.reset();
  return {};
}

Result<std::shared_ptr<const TempFile::Folder>> Workspace::create_folder() const {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::string name = std::string(kFolderPrefix) + random_name();
    if (retried([&] { return ::mkdirat(layout_.fd(), name.c_str(), 0755); }) != 0) {
      if (errno == EEXIST) continue;
      return fail(Error::system(errno, "cannot create a temporary folder"));
    }
    auto fd = open_at(layout_.fd(), name, kFolderFlags);
    // Until it is locked, another process may remove it as left over.
    if (!fd && fd.error().code() == Errc::not_found) continue;
    if (!fd) {
      ::unlinkat(layout_.fd(), name.c_str(), AT_REMOVEDIR);
      return fail(std::move(fd).error());
    }
    // On a file system without locks, no process removes it either.
    if (lock_file(fd->get(), LOCK_EX | LOCK_NB) == EWOULDBLOCK) continue;
    struct stat mine, there;
    const bool is_known = ::fstat(fd->get(), &mine) == 0 &&
                          ::fstatat(layout_.fd(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_known && errno == ENOENT) continue;
    if (!is_known) {
      const int failure = errno;
      ::unlinkat(layout_.fd(), name.c_str(), AT_REMOVEDIR);
      return fail(Error::system(failure, name));
    }
    if (mine.st_ino == there.st_ino)
      return std::make_shared<const Folder>(layout_, std::move(name), std::move(*fd));
  }
  return fail(Errc::io, "cannot create a temporary folder: other processes keep removing it");
}

Result<TempFile> Workspace::create_file() {
  auto state = state_.lock();
  if (state->folder == nullptr) {
    auto folder = create_folder();
    if (!folder) return fail(std::move(folder).error());
    state->folder = std::move(*folder);
  }
  std::string name = std::string(kFilePrefix) + std::to_string(state->files++);
  auto fd = open_at(state->folder->fd.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
  if (!fd) return fail(std::move(fd).error(), "cannot create a temporary file");
  return TempFile(state->folder, std::move(name), std::move(*fd));
}

void Workspace::close() { state_.lock()->folder.reset(); }

Status replace_file(Workspace& workspace, const LayoutDir& layout, int folder, const std::string& name,
                    ByteView content) {
  auto file = workspace.create_file();
  if (!file) return fail(std::move(file).error());
  if (struct stat old; ::fstatat(folder, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0) {
    // Best effort: the layout may belong to another user and share files with a group.
    if (::geteuid() == 0) std::ignore = ::fchown(file->fd(), old.st_uid, old.st_gid);
    // A symlink itself is replaced, but its mode is not that of a file.
    struct stat target;
    if (!S_ISLNK(old.st_mode))
      std::ignore = ::fchmod(file->fd(), old.st_mode & 0777);
    else if (::fstatat(folder, name.c_str(), &target, 0) == 0 && S_ISREG(target.st_mode))
      std::ignore = ::fchmod(file->fd(), target.st_mode & 0777);
  }
  if (auto written = write_all(file->fd(), content, name); !written) return written;
  if (auto synced = layout.sync(file->fd(), name); !synced) return synced;
  if (auto renamed = file->rename_to(folder, name); !renamed) return renamed;
  return layout.sync_names(folder, name);
}

}  // namespace layoutfs
