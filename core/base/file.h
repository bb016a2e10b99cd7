// Owned file descriptors, and reads that return all requested bytes.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Owns a file descriptor and closes it in the destructor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// Repeats a system call while it fails with EINTR.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// openat(2) with O_CLOEXEC added; `directory` may be AT_FDCWD. Retries EINTR. The error names `path`.
Result<UniqueFd> open_at(int directory, const std::string& path, int flags, unsigned mode = 0);

// fstat(2). The error names `what`.
Result<struct stat> stat_of(int fd, std::string_view what);

// Fills `out`, starting at `offset`. Returns fewer bytes only at the end of the file.
Result<std::size_t> pread_full(int fd, std::span<std::byte> out, std::uint64_t offset);

// Writes all of `content`, with as many calls as necessary. The error names `what`.
Status write_all(int fd, ByteView content, std::string_view what);

// Like write_all, but at `offset` and without moving the file position.
Status pwrite_all(int fd, ByteView content, std::uint64_t offset, std::string_view what);

// fsync(2). The error names `what`.
Status sync_file(int fd, std::string_view what);

// Returns 64 random bits as 16 hex digits, for names of temporary files. Process IDs would repeat, especially
// in containers, and a crash leaves its file behind.
std::string random_name();

// Reads a small file completely. Errc::invalid_image if it is not a regular file. Errc::unsupported if it has
// more than `limit` bytes. The error names `what`.
Result<Bytes> read_all(int fd, const std::string& what, std::size_t limit);

// Replaces `directory`/`name` by `content` atomically: a reader, even after a crash, sees the old file, the
// new one, or none, but never a part. Writes a temporary file, calls fsync, and renames it.
Status write_file_atomically(int directory, const std::string& name, ByteView content);
// Returns whether it is the name of a temporary file. A killed process leaves one behind.
bool is_temporary_name(std::string_view name) noexcept;

// A file that is mapped read-only. Only for files that this program writes and replaces by rename: a file
// that others may truncate would cause SIGBUS.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> open(int directory, const std::string& path);
  // Maps an open file, which may be closed afterwards. `what` names it in errors.
  static Result<std::shared_ptr<const MappedFile>> of(int fd, const std::string& what);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  ByteView bytes() const noexcept { return bytes_; }

 private:
  explicit MappedFile(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
};

// Bytes of a mapped file or in memory, which live as long as any copy of this.
struct SharedBytes {
  ByteView bytes;
  std::shared_ptr<const void> owner;

  static SharedBytes of(std::shared_ptr<const MappedFile> file) { return {file->bytes(), file}; }
  static SharedBytes of(Bytes content) {
    auto owner = std::make_shared<const Bytes>(std::move(content));
    return {*owner, owner};
  }
};

}  // namespace layoutfs
