// Files over POSIX calls.
#include "core/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace layoutfs {
namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";

// Creates a temporary file with a new name.
Result<UniqueFd> create_temporary(int directory, std::string& name) {
  for (int attempt = 0;; ++attempt) {
    name = std::string(kTemporaryPrefix) + random_name();
    auto fd = open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd || fd.error().sys() != EEXIST || attempt == 100) return fd;
  }
}

// Calls `write` with the remaining bytes and the number of bytes written, until none remain.
template <class Write>
Status write_pieces(ByteView content, std::string_view what, Write write) {
  std::uint64_t done = 0;
  while (done < content.size()) {
    const ssize_t written = retried([&] { return write(content.subspan(done), done); });
    if (written < 0) return std::unexpected(Error::system(errno, what));
    done += static_cast<std::uint64_t>(written);
  }
  return {};
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void UniqueFd::reset() noexcept {
  if (fd_ >= 0) ::close(release());
}

Result<UniqueFd> open_at(int directory, const std::string& path, int flags, unsigned mode) {
  const int fd = retried([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) return std::unexpected(Error::system(errno, path));
  return UniqueFd(fd);
}

Result<struct stat> stat_of(int fd, std::string_view what) {
  struct stat found;
  if (::fstat(fd, &found) != 0) return std::unexpected(Error::system(errno, what));
  return found;
}

Result<std::size_t> pread_full(int fd, std::span<std::byte> out, std::uint64_t offset) {
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = retried(
        [&] { return ::pread(fd, out.data() + size, out.size() - size, static_cast<off_t>(offset + size)); });
    if (got < 0) return std::unexpected(Error::system(errno, "read"));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

Status write_all(int fd, ByteView content, std::string_view what) {
  return write_pieces(content, what,
                      [&](ByteView piece, std::uint64_t) { return ::write(fd, piece.data(), piece.size()); });
}

Status pwrite_all(int fd, ByteView content, std::uint64_t offset, std::string_view what) {
  return write_pieces(content, what, [&](ByteView piece, std::uint64_t written) {
    return ::pwrite(fd, piece.data(), piece.size(), static_cast<off_t>(offset + written));
  });
}

Status sync_file(int fd, std::string_view what) {
  if (retried([&] { return ::fsync(fd); }) != 0) return std::unexpected(Error::system(errno, what));
  return {};
}

std::string random_name() {
  std::uint64_t number = 0;
  // So few bytes come completely, or not at all before the system has entropy. Callers create files of this
  // name with O_EXCL.
  while (::getrandom(&number, sizeof number, 0) < 0 && errno == EINTR) continue;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

Result<Bytes> read_all(int fd, const std::string& what, std::size_t limit) {
  const auto found = stat_of(fd, what);
  if (!found) return std::unexpected(found.error());
  if (!S_ISREG(found->st_mode)) return fail(Errc::invalid_image, what + ": not a regular file");
  if (static_cast<std::uint64_t>(found->st_size) > limit)
    return fail(Errc::unsupported, what + ": larger than " + std::to_string(limit) + " bytes");
  Bytes content(static_cast<std::size_t>(found->st_size));
  auto size = pread_full(fd, content, 0);
  if (!size) return fail(std::move(size).error(), what);
  content.resize(*size);
  return content;
}

Status write_file_atomically(int directory, const std::string& name, ByteView content) {
  std::string temporary;
  auto fd = create_temporary(directory, temporary);
  if (!fd) return std::unexpected(std::move(fd).error());
  Status status = write_all(fd->get(), content, name);
  // The content must be on disk before the name. Otherwise a crash could leave the name with incomplete
  // content.
  if (status) status = sync_file(fd->get(), name);
  if (status && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    status = std::unexpected(Error::system(errno, name));
  if (!status) ::unlinkat(directory, temporary.c_str(), 0);
  return status;
}

bool is_temporary_name(std::string_view name) noexcept {
  constexpr std::size_t kRandomSize = 16;
  return name.starts_with(kTemporaryPrefix) && name.size() == kTemporaryPrefix.size() + kRandomSize &&
         name.substr(kTemporaryPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(int directory, const std::string& path) {
  auto fd = open_at(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return std::unexpected(std::move(fd).error());
  return of(fd->get(), path);
}

Result<std::shared_ptr<const MappedFile>> MappedFile::of(int fd, const std::string& what) {
  const auto found = stat_of(fd, what);
  if (!found) return std::unexpected(found.error());
  if (!S_ISREG(found->st_mode)) return fail(Errc::corrupt, what + ": not a regular file");
  const auto size = static_cast<std::size_t>(found->st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}));
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) return std::unexpected(Error::system(errno, what));
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace layoutfs
