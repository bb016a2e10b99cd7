#include "core/cas/blob_store.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <tuple>

#include "core/base/hash_pipe.h"
#include "core/cas/file_blob.h"

namespace layoutfs {
namespace {

// Bytes of a blob after which the disk begins to write them, so that fsync has little left to wait for.
constexpr std::uint64_t kWritebackStep = std::uint64_t{8} << 20;

std::string folder_name(Algorithm algorithm) {
  return std::string(kBlobsFolder) + "/" + std::string(name_of(algorithm));
}

std::unexpected<Error> blob_error(const Digest& digest, const Error& error) {
  if (error.code() == Errc::not_found) return fail(Errc::not_found, digest.str() + ": no such blob");
  if (is_wrong_type(error)) return fail(wrong_type(digest.str()));
  if (error.sys() != 0) return fail(Error::system(error.sys(), digest.str()));
  return fail(Error(error), digest.str());
}

// Fills `piece`; shorter only at the end.
Result<std::size_t> read_piece(ByteSource& content, std::span<std::byte> piece) {
  std::size_t size = 0;
  while (size < piece.size()) {
    const auto got = content.read(piece.subspan(size));
    if (!got) return got;
    if (*got == 0) break;
    size += *got;
  }
  return size;
}

// Writes what `content` delivers to `fd`, and hashes the very bytes that it writes.
Result<PutResult> write_hashed(int fd, ByteSource& content, const PutOptions& options, bool is_durable) {
  HashPipe hashes(options.algorithm);
  std::uint64_t size = 0;
  std::uint64_t in_writeback = 0;
  for (;;) {
    if (auto go_on = options.context.check(); !go_on) return fail(std::move(go_on).error());
    const std::span<std::byte> piece = hashes.buffer();
    const auto got = read_piece(content, piece);
    if (!got) return fail(Error(got.error()));
    hashes.submit(*got);
    if (auto written = write_all(fd, piece.first(*got), "cannot write the blob"); !written)
      return fail(std::move(written).error());
    size += *got;
    if (*got < piece.size()) return PutResult{hashes.finish(), size};
    if (is_durable && size - in_writeback >= kWritebackStep) {
      // A hint: where it fails, fsync does all of the work.
      std::ignore = ::sync_file_range(fd, static_cast<off64_t>(in_writeback),
                                      static_cast<off64_t>(size - in_writeback), SYNC_FILE_RANGE_WRITE);
      in_writeback = size;
    }
  }
}

// Gives a file a name that nothing has yet, by link or, where the file system has none, by rename. 0, or the
// errno: EEXIST where something has it.
int link_new(const TempFile& file, int folder, const char* name) {
  const auto link = [&] { return ::linkat(file.folder(), file.name(), folder, name, 0); };
  if (retried(link) == 0) return 0;
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return errno;
  const auto rename = [&] { return ::renameat2(file.folder(), file.name(), folder, name, RENAME_NOREPLACE); };
  return retried(rename) == 0 ? 0 : errno;
}

}  // namespace

Result<UniqueFd> BlobStore::open_folder(Algorithm algorithm) const {
  const auto named = [&](Result<UniqueFd> folder) -> Result<UniqueFd> {
    if (!folder && is_wrong_type(folder.error()))
      return fail(Errc::invalid_image, folder_name(algorithm) + ": not a directory");
    return folder;
  };
  // One step after the other, so that neither may be a symlink.
  const auto blobs = open_at(layout_.fd(), kBlobsFolder, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!blobs) return named(std::unexpected(blobs.error()));
  return named(open_at(blobs->get(), std::string(name_of(algorithm)), kFolderFlags));
}

Result<UniqueFd> BlobStore::open_or_make_folder(Algorithm algorithm) {
  auto folder = open_folder(algorithm);
  if (folder || folder.error().code() != Errc::not_found) return folder;
  auto blobs = open_at(layout_.fd(), kBlobsFolder, kFolderFlags);
  if (!blobs) return blobs;
  const std::string name(name_of(algorithm));
  if (retried([&] { return ::mkdirat(blobs->get(), name.c_str(), 0755); }) != 0 && errno != EEXIST)
    return fail(Error::system(errno, folder_name(algorithm)));
  if (auto synced = layout_.sync_names(blobs->get(), kBlobsFolder); !synced)
    return fail(std::move(synced).error());
  return open_folder(algorithm);
}

Result<BlobPtr> BlobStore::open(const Digest& digest) const {
  const auto folder = open_folder(digest.algorithm());
  if (!folder) return blob_error(digest, folder.error());
  auto fd = open_at(folder->get(), digest.hex(), kReadFlags);
  if (!fd) return blob_error(digest, fd.error());
  const auto found = stat_of(fd->get(), digest.str());
  if (!found) return fail(Error(found.error()));
  if (!S_ISREG(found->st_mode)) return fail(wrong_type(digest.str()));
  return std::make_shared<const FileBlob>(std::make_shared<const UniqueFd>(std::move(*fd)), 0,
                                          static_cast<std::uint64_t>(found->st_size), digest);
}

Result<std::optional<BlobStatus>> BlobStore::status(const Digest& digest) const {
  const auto folder = open_folder(digest.algorithm());
  if (!folder && folder.error().code() == Errc::not_found) return std::nullopt;
  if (!folder) return blob_error(digest, folder.error());
  struct stat found;
  if (::fstatat(folder->get(), digest.hex().c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail(Error::system(errno, digest.str()));
  }
  if (!S_ISREG(found.st_mode)) return fail(wrong_type(digest.str()));
  // Of its times, the one that a link, a rename and keep() set, and nobody can set back.
  return BlobStatus{static_cast<std::uint64_t>(found.st_size), to_ns(found.st_ctim)};
}

Result<std::vector<Digest>> BlobStore::list(Algorithm algorithm) const {
  std::vector<Digest> digests;
  auto folder = open_folder(algorithm);
  if (!folder && folder.error().code() == Errc::not_found) return digests;
  if (!folder) return fail(std::move(folder).error());
  std::string text(name_of(algorithm));
  text += ':';
  const std::size_t prefix = text.size();
  const auto visit = [&](const char* name, unsigned char type) -> Status {
    if (type != DT_REG) return {};
    text.replace(prefix, std::string::npos, name);
    if (auto digest = Digest::parse(text)) digests.push_back(std::move(*digest));
    return {};
  };
  auto status = for_each_entry(std::move(*folder), folder_name(algorithm), visit);
  if (!status) return fail(std::move(status).error());
  std::ranges::sort(digests);
  return digests;
}

Result<PutResult> BlobStore::put(ByteSource& content, const PutOptions& options) {
  auto file = workspace_.create_file();
  if (!file) return fail(std::move(file).error());
  auto written = write_hashed(file->fd(), content, options, layout_.is_durable());
  if (!written) return written;
  const std::string name = written->digest.str();
  // The content must be on disk before the name is: a crash in between would leave the name with half of it.
  if (auto synced = layout_.sync(file->fd(), name); !synced) return fail(std::move(synced).error());
  if (auto done = install(*file, written->digest, written->size); !done) return fail(std::move(done).error());
  return written;
}

Status BlobStore::install(const TempFile& file, const Digest& digest, std::uint64_t size) {
  auto folder = open_or_make_folder(digest.algorithm());
  if (!folder) return fail(std::move(folder).error(), digest.str());
  for (;;) {
    const int failure = link_new(file, folder->get(), digest.hex().c_str());
    if (failure == 0) break;
    if (failure != EEXIST) return fail(Error::system(failure, digest.str()));
    const auto kept = keep(folder->get(), digest, size);
    if (!kept) return fail(Error(kept.error()));
    if (*kept) break;  // else it has been deleted meanwhile
  }
  return layout_.sync_names(folder->get(), digest.str());
}

Result<bool> BlobStore::keep(int folder, const Digest& digest, std::uint64_t size) const {
  // sweep_blob holds the lock too: either it sees the new time, or this sees that the blob is gone.
  const auto lock = layout_.lock_shared();
  if (!lock) return fail(Error(lock.error()));
  const char* const name = digest.hex().c_str();
  struct stat found;
  if (::fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail(Error::system(errno, digest.str()));
  }
  if (!S_ISREG(found.st_mode)) return fail(wrong_type(digest.str()));
  if (static_cast<std::uint64_t>(found.st_size) != size)
    return fail(Errc::corrupt, digest.str() + ": a damaged blob of " + std::to_string(found.st_size) +
                                   " bytes instead of " + std::to_string(size) + " is in its place");
  // The mode as it is: this sets nothing but the time of the change. Another user's blob cannot be kept so.
  std::ignore = ::fchmodat(folder, name, found.st_mode & 07777, 0);
  return true;
}

Result<bool> BlobStore::erase(const Digest& digest) {
  const auto folder = open_folder(digest.algorithm());
  if (!folder && folder.error().code() == Errc::not_found) return false;
  if (!folder) return blob_error(digest, folder.error());
  auto removed = remove_file(folder->get(), digest.hex());
  if (!removed) return blob_error(digest, removed.error());
  return removed;
}

}  // namespace layoutfs
