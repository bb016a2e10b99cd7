// Input and output files.
#include "tools/cli/files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/base/json.h"

namespace layoutfs::tools {

Result<FileSource> FileSource::open(const std::string& path, int stop_fd) {
  if (path == "-") {
    UniqueFd input(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!input) return fail(Error::system(errno, "standard input"));
    return FileSource(std::move(input), "standard input", std::nullopt, stop_fd);
  }
  // O_NONBLOCK: wait() waits for the writer of a pipe, so that a stop is noticed.
  auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  if (!fd) return fail(std::move(fd).error());
  const auto found = stat_of(fd->get(), path);
  if (!found) return fail(Error(found.error()));
  if (S_ISDIR(found->st_mode)) return fail(Error::system(EISDIR, path));
  if (!S_ISREG(found->st_mode)) return FileSource(std::move(*fd), path, std::nullopt, stop_fd);
  std::ignore = ::posix_fadvise(fd->get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return FileSource(std::move(*fd), path, static_cast<std::uint64_t>(found->st_size), stop_fd);
}

Status FileSource::wait() const {
  std::array<pollfd, 2> waited{{{fd_.get(), POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
  while (::poll(waited.data(), waited.size(), -1) < 0)
    if (errno != EINTR) return fail(Error::system(errno, name_));
  if (waited[1].revents != 0) return fail(Errc::cancelled, name_ + ": stopped on request");
  return {};
}

Result<std::size_t> FileSource::read(std::span<std::byte> out) {
  auto got = read_once(out);
  has_failed_ = !got;
  return got;
}

Result<std::size_t> FileSource::read_once(std::span<std::byte> out) {
  for (;;) {
    if (auto ready = wait(); !ready) return fail(std::move(ready).error());
    const ssize_t got = ::read(fd_.get(), out.data(), out.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    // EAGAIN: another reader of the same pipe may have taken the data.
    if (errno != EINTR && errno != EAGAIN) return fail(Error::system(errno, name_));
  }
}

Result<Bytes> read_document_file(FileSource& file) {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  Bytes text;
  while (text.size() <= JsonLimits{}.bytes) {
    const std::size_t before = text.size();
    text.resize(before + kPiece);
    const auto got = file.read(std::span(text).subspan(before));
    if (!got) return fail(Error(got.error()));
    text.resize(before + *got);
    if (*got == 0) break;
  }
  return text;
}

OutputFile OutputFile::standard_output() { return {UniqueFd(), STDOUT_FILENO, "standard output", ""}; }

Result<OutputFile> OutputFile::create(const std::string& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) return fail(Error::system(EISDIR, path));
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    auto fd = open_at(AT_FDCWD, path, O_WRONLY | O_NOCTTY);
    if (!fd) return fail(std::move(fd).error());
    const int number = fd->get();
    return OutputFile(std::move(*fd), number, path, "");
  }
  std::filesystem::path target(path);
  if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored)))
    target = std::filesystem::weakly_canonical(target, ignored);
  struct stat old;
  const bool is_replacing = ::stat(target.c_str(), &old) == 0;
  const mode_t mode = is_replacing ? 0600 : 0666;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto temporary = target.parent_path() / (".layoutfs-" + random_name() + ".tmp");
    auto fd = open_at(AT_FDCWD, temporary.string(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (!fd && fd.error().sys() == EEXIST) continue;
    if (!fd) return fail(Error::system(fd.error().sys(), path));
    const int number = fd->get();
    OutputFile file(std::move(*fd), number, target.string(), temporary.string());
    if (is_replacing) file.replaced_ = Access{old.st_uid, old.st_gid, old.st_mode & 0777};
    return file;
  }
  return fail(Error::system(EEXIST, path));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : owned_(std::move(other.owned_)),
      fd_(other.fd_),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      replaced_(other.replaced_) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status OutputFile::write(ByteView content) { return write_all(fd_, content, path_); }

// Changes the owner before the mode, because chown(2) clears mode bits. If the group cannot be changed, its
// members get only the permissions of others, as the mode was meant for another group.
void OutputFile::take_over(const Access& replaced) const {
  struct stat now;
  if (::fstat(fd_, &now) != 0) return;
  mode_t mode = replaced.mode;
  if (now.st_uid != replaced.owner) std::ignore = ::fchown(fd_, replaced.owner, static_cast<gid_t>(-1));
  if (now.st_gid != replaced.group && ::fchown(fd_, static_cast<uid_t>(-1), replaced.group) != 0)
    mode &= ~static_cast<mode_t>(070) | (mode & 07) << 3;
  std::ignore = ::fchmod(fd_, mode);  // some file systems have no modes
}

Status OutputFile::commit() {
  if (replaced_) take_over(*replaced_);
  // Some file systems report a full disk only on close.
  if (owned_ && ::close(owned_.release()) != 0 && errno != EINTR) return fail(Error::system(errno, path_));
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return fail(Error::system(errno, path_));
  temporary_.clear();
  return {};
}

}  // namespace layoutfs::tools
