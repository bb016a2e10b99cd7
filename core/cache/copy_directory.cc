// Decoded copies as files: found, made, published, and removed when they take too much.
#include "core/cache/copy_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/cache/trusted_directory.h"
#include "core/cas/layout_dir.h"

namespace layoutfs {
namespace {

constexpr std::string_view kTempPrefix = ".tmp-";

bool is_named(int fd) noexcept {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && status.st_nlink > 0;
}

// Whether whoever wrote the temporary file is gone, and did not get to remove it.
bool is_litter(int folder, const std::string& name) {
  const auto fd = open_at(folder, name, kReadFlags);
  return fd && lock_file(fd->get(), LOCK_EX | LOCK_NB) == 0;
}

struct Kept {
  std::int64_t used_ns;
  std::uint64_t size;
  std::string path;
};

// What is in one folder: adds the copies to `kept`, removes litter, and returns the bytes of all.
std::uint64_t survey(const std::string& path, std::vector<Kept>& kept) {
  const auto folder = open_trusted_directory(path);
  if (!folder) return 0;
  auto listed = open_at(folder->get(), ".", kFolderFlags);
  if (!listed) return 0;
  std::uint64_t bytes = 0;
  const auto visit = [&](const char* name, unsigned char type) -> Status {
    struct stat status{};
    if (type != DT_REG || ::fstatat(folder->get(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
    const bool is_temp = std::string_view(name).starts_with(kTempPrefix);
    if (is_temp && is_litter(folder->get(), name)) {
      ::unlinkat(folder->get(), name, 0);
      return {};
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    bytes += size;
    if (!is_temp) kept.push_back({to_ns(status.st_mtim), size, path + "/" + name});
    return {};
  };
  if (auto visited = for_each_entry(std::move(*listed), path, visit); !visited)
    log(LogLevel::debug, "decoded copies: " + visited.error().message());
  return bytes;
}

}  // namespace

NewCopy::~NewCopy() {
  if (folder_) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

Result<UniqueFd> NewCopy::file() const {
  const int fd = ::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return fail(Error::system(errno, "decoded copy"));
  return UniqueFd(fd);
}

CopyDirectory::CopyDirectory(std::string directory, CopyOptions options)
    : path_(std::move(directory) + "/" + std::string(kDecodedCopies)), options_(options) {}

std::string CopyDirectory::folder_of(std::string_view algorithm) const {
  return path_ + "/" + std::string(algorithm);
}

Result<UniqueFd> CopyDirectory::open(const Digest& blob) const {
  const auto folder = open_trusted_directory(folder_of(name_of(blob.algorithm())));
  if (!folder) return fail(Error(folder.error()));
  auto file = open_at(folder->get(), blob.hex(), kReadFlags);
  if (!file) return file;
  const auto status = stat_of(file->get(), blob.hex());
  if (!status) return fail(Error(status.error()));
  if (!S_ISREG(status->st_mode) || !is_trusted(*status))
    return fail(Errc::invalid_argument, "decoded copy " + blob.hex() + ": not a file that only we can write");
  use(file->get());
  return file;
}

bool CopyDirectory::use(int fd) {
  ::futimens(fd, nullptr);  // on read-only media nothing is removed either
  return is_named(fd);
}

Result<NewCopy> CopyDirectory::create(const Digest& blob) const {
  const std::string path = folder_of(name_of(blob.algorithm()));
  auto folder = open_trusted_directory(path, IfMissing::create);
  if (!folder) return fail(std::move(folder).error());
  for (;;) {
    std::string name = std::string(kTempPrefix) + random_name();
    auto fd = open_at(folder->get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd && fd.error().sys() == EEXIST) continue;
    if (!fd) return fail(std::move(fd).error(), path);
    // Before it is locked, another process may take it for litter. Where there are no locks, nobody does.
    if (lock_file(fd->get(), LOCK_EX) == 0 && !is_named(fd->get())) continue;
    return NewCopy(std::move(*folder), std::move(name), std::move(*fd));
  }
}

Status CopyDirectory::publish(NewCopy& copy, const Digest& blob) const {
  // Not synced: what a crash of the machine tears is found to be damaged, and costs one more decoding.
  if (retried([&] {
        return ::renameat(copy.folder_.get(), copy.name_.c_str(), copy.folder_.get(), blob.hex().c_str());
      }) != 0)
    return fail(Error::system(errno, "decoded copy"));
  copy.folder_.reset();
  return {};
}

void CopyDirectory::remove(const Digest& blob) const {
  ::unlink((folder_of(name_of(blob.algorithm())) + "/" + blob.hex()).c_str());
}

void CopyDirectory::make_room() const {
  std::vector<Kept> kept;
  std::uint64_t bytes = 0;
  for (const Algorithm algorithm : algorithms()) bytes += survey(folder_of(name_of(algorithm)), kept);
  std::ranges::sort(kept, {}, &Kept::used_ns);
  for (const Kept& oldest : kept) {
    if (bytes <= options_.budget) return;
    if (::unlink(oldest.path.c_str()) != 0) continue;
    bytes -= oldest.size;
    log(LogLevel::debug, "decoded copies: " + oldest.path + " was used least recently; removed");
  }
}

void CopyDirectory::give_up(const Error& why) noexcept {
  if (is_given_up_.exchange(true)) return;
  log(LogLevel::warning, "decoded copies: " + why.message() + "; none is made, and jumps decode from afar");
}

CopyStats CopyDirectory::stats() const noexcept {
  return {.made = made_, .dropped = dropped_, .spans_read = spans_read_};
}

}  // namespace layoutfs
