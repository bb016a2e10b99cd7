#include "core/cas/layout_dir.h"

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <thread>

#include "core/base/utf8.h"

namespace layoutfs {
namespace {

constexpr const char* kLockFile = ".layoutfs.lock";

// Errors of flock on a file system without locks, or (NFS) without locks on files that are not open for
// writing.
bool is_lockless(int sys) {
  return sys == ENOLCK || sys == EOPNOTSUPP || sys == EINVAL || sys == ENOSYS || sys == EBADF;
}

std::array<std::int64_t, 5> marks_of(const struct stat& found) noexcept {
  return {static_cast<std::int64_t>(found.st_dev), static_cast<std::int64_t>(found.st_ino), found.st_size,
          to_ns(found.st_mtim), to_ns(found.st_ctim)};
}

// Returns the error of opening `path`, a path in the layout.
Error open_error(const std::string& path, const OpenFailure& failure, const char* advice) {
  if (!failure.fault) return Error::system(failure.sys, path);
  const LinkFault& fault = *failure.fault;
  const std::string link = printable(fault.link) + " is a symlink to " + printable(fault.target);
  switch (fault.kind) {
    case LinkFault::Kind::dangling:
      return {Errc::not_found, link + ", which does not exist"};
    case LinkFault::Kind::loop:
      return {Errc::invalid_image,
              link + ", a symlink loop or more than " + std::to_string(kMaxLinks) + " symlinks"};
    case LinkFault::Kind::leaves:
      break;
  }
  return {Errc::invalid_image, link + ", which leaves the layout; " + advice};
}

std::string absolute_path(const std::string& path) {
  std::error_code failure;
  const auto absolute = std::filesystem::absolute(path, failure);
  return failure ? std::string() : absolute.string();
}

}  // namespace

LayoutDir::LayoutDir(UniqueFd root, std::string path, bool is_durable, LinkPolicy links)
    : root_(std::move(root)),
      path_(std::move(path)),
      absolute_path_(absolute_path(path_)),
      is_durable_(is_durable),
      links_(links) {}

Result<UniqueFd> LayoutDir::open(const std::string& path, int flags) const {
  auto opened = open_beneath({root_.get(), absolute_path_}, path, flags, links_);
  if (opened) return std::move(*opened);
  return fail(
      open_error(path, opened.error(),
                 "use -o follow_links (--follow-links) to allow it, or cp -rL to copy it without links"));
}

Result<UniqueFd> LayoutDir::open_own(const std::string& path, int flags) const {
  auto opened = open_beneath({root_.get(), absolute_path_}, path, flags);
  if (opened) return std::move(*opened);
  return fail(open_error(path, opened.error(), "files outside of the layout are never removed"));
}

int lock_file(int fd, int operation) {
  return retried([&] { return ::flock(fd, operation); }) == 0 ? 0 : errno;
}

Result<int> lock_file(int fd, int operation, const Context& context) {
  if (!context.can_end()) return lock_file(fd, operation);
  constexpr std::chrono::milliseconds kLongest{20};
  for (std::chrono::milliseconds pause{1};; pause = std::min(2 * pause, kLongest)) {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const int failure = lock_file(fd, operation | LOCK_NB);
    if (failure != EWOULDBLOCK) return failure;
    std::this_thread::sleep_for(pause);
  }
}

Result<LayoutLock> LayoutDir::lock(int operation, const Context& context) const {
  // A separate open file description: locks of the same one do not exclude each other.
  auto root = open_at(root_.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!root) return fail(std::move(root).error(), "cannot lock the directory");
  auto failure = lock_file(root->get(), operation, context);
  if (!failure) return fail(std::move(failure).error());
  if (*failure == 0) return LayoutLock(std::move(*root));
  if (!is_lockless(*failure)) return fail(Error::system(*failure, "cannot lock the directory"));
  auto file = open_at(root_.get(), kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  if (!file) return fail(std::move(file).error(), "cannot lock the directory");
  failure = lock_file(file->get(), operation, context);
  if (!failure) return fail(std::move(failure).error());
  if (*failure != 0) return fail(Error::system(*failure, "cannot lock the directory"));
  return LayoutLock(std::move(*file));
}

Result<LayoutLock> LayoutDir::lock_shared(const Context& context) const { return lock(LOCK_SH, context); }
Result<LayoutLock> LayoutDir::lock_exclusive(const Context& context) const { return lock(LOCK_EX, context); }

Status LayoutDir::sync(int fd, std::string_view what) const {
  return is_durable_ ? sync_file(fd, what) : Status();
}

Status LayoutDir::sync_everything() const {
  if (!is_durable_) return {};
  const auto fd = open_at(root_.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!fd) return fail(Error(fd.error()), path_);
  if (retried([&] { return ::syncfs(fd->get()); }) != 0) return fail(Error::system(errno, path_));
  return {};
}

Status LayoutDir::sync_names(int folder, std::string_view what) const {
  if (!is_durable_) return {};
  auto fd = open_at(folder, ".", O_RDONLY | O_DIRECTORY);
  if (!fd) return fail(std::move(fd).error(), what);
  return sync_file(fd->get(), what);
}

Error wrong_type(std::string_view name) {
  return Error(Errc::invalid_image, std::string(name) + ": not a regular file");
}

bool is_wrong_type(const Error& error) {
  return error.sys() == ELOOP || error.sys() == ENOTDIR || error.sys() == ENXIO || error.sys() == EISDIR;
}

bool is_link(int folder, const std::string& name) noexcept {
  struct stat found;
  return ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode);
}

Result<bool> has_file_beneath(int directory, const char* name) {
  const auto file = open_beneath({directory, ""}, name, O_PATH);
  if (!file && (file.error().fault || file.error().sys == ENOENT)) return false;
  if (!file) return fail(Error::system(file.error().sys, name));
  const auto found = stat_of(file->get(), name);
  if (!found) return fail(Error(found.error()));
  return S_ISREG(found->st_mode);
}

Result<UniqueFd> open_required(const LayoutDir& layout, const char* name, int flags) {
  auto fd = layout.open(name, flags);
  if (fd) return fd;
  if (fd.error().sys() == ENOENT) return fail(Errc::invalid_image, std::string(name) + " is missing");
  if (fd.error().code() == Errc::not_found) return fail(Errc::invalid_image, fd.error().message());
  if (is_wrong_type(fd.error()))
    return fail(
        Errc::invalid_image,
        std::string(name) + ((flags & O_DIRECTORY) != 0 ? ": not a directory" : ": not a regular file"));
  return fd;
}

Result<Bytes> read_required(const LayoutDir& layout, const char* name, std::size_t limit) {
  auto fd = open_required(layout, name, kReadFlags);
  if (!fd) return fail(std::move(fd).error());
  return read_all(fd->get(), name, limit);
}

Status make_folders(const std::string& path, bool is_durable) {
  std::filesystem::path made;
  for (const auto& part : std::filesystem::path(path)) {
    made /= part;
    if (retried([&] { return ::mkdir(made.c_str(), 0755); }) != 0) {
      if (errno == EEXIST) continue;
      return fail(Error::system(errno, made.string()));
    }
    if (!is_durable) continue;
    auto above = open_at(AT_FDCWD, (made / "..").string(), O_RDONLY | O_DIRECTORY);
    if (!above) return fail(std::move(above).error());
    if (auto synced = sync_file(above->get(), made.string()); !synced) return synced;
  }
  return {};
}

Result<bool> remove_file(int folder, const std::string& name) {
  if (retried([&] { return ::unlinkat(folder, name.c_str(), 0); }) == 0) return true;
  const int failure = errno;
  struct stat found;
  if (failure == ENOENT ||
      (::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT))
    return false;
  return fail(Error::system(failure, name));
}

int rename_new(int from, const std::string& old_name, int to, const std::string& name) {
  const auto rename = [&] { return ::renameat2(from, old_name.c_str(), to, name.c_str(), RENAME_NOREPLACE); };
  if (retried(rename) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  struct stat found;
  if (::fstatat(to, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  if (errno != ENOENT) return errno;
  return retried([&] { return ::renameat(from, old_name.c_str(), to, name.c_str()); }) == 0 ? 0 : errno;
}

std::int64_t to_ns(const timespec& time) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  return std::clamp<std::int64_t>(time.tv_sec, -kMaxSeconds, kMaxSeconds) * kSecond + time.tv_nsec;
}

std::int64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return to_ns(now);
}

// The kernel's clock for file times ticks every 1 to 10 ms. A time in the future comes from another machine's
// clock; the next change will differ from it.
bool is_fresh(const struct stat& found) noexcept {
  constexpr std::int64_t kTicks = 50'000'000;
  const std::int64_t now = now_ns();
  const std::int64_t changed = to_ns(found.st_ctim);
  return changed > now - kTicks && changed < now + kTicks;
}

FileState::FileState(const struct stat& found) noexcept
    : marks_(marks_of(found)), is_settled_(!is_fresh(found)) {}

bool FileState::is_still(const struct stat& found) const noexcept {
  return is_settled_ && marks_ == marks_of(found);
}

Status for_each_entry(UniqueFd folder, const std::string& what, const EntryVisitor& visit,
                      const Context& context) {
  const int fd = folder.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (stream == nullptr) return std::unexpected(Error::system(errno, what));
  folder.release();  // the stream owns it now
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return std::unexpected(Error::system(errno, what));
    if (entry == nullptr) return {};
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    unsigned char type = entry->d_type;
    if (struct stat found;
        type == DT_UNKNOWN && ::fstatat(fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0)
      type = static_cast<unsigned char>(IFTODT(found.st_mode));
    if (auto go_on = context.check(); !go_on) return go_on;
    if (auto visited = visit(entry->d_name, type); !visited) return visited;
  }
}

}  // namespace layoutfs
