// Uploads: content of a blob that arrives in pieces, from one process or several in turn.
//
// An upload is the file blobs/uploads/<id>; its size is the number of bytes received. The states of the file:
//
//   begun      start_upload() creates it (O_EXCL) and takes its lock, flock(2) LOCK_EX. A process that
//              lists the folder can take the lock in between; then start_upload() tries another ID.
//   owned      The lock's holder appends with pwrite(2) and hashes on the way. Nothing is synced yet.
//   idle       close(), or the end of the process, releases the lock; the file stays. resume_upload() takes
//              the lock and continues at the file's size; the beginning is then hashed again from the file.
//   committed  The size must still equal the one that this writer knows, and the digest the expected one.
//              Then BlobStore::install(): fsync of the content, rename to blobs/<algorithm>/<hex> under the
//              layout's lock, fsync of that folder. A crash before the rename leaves the upload, one after it
//              the blob.
//   removed    by cancel(), or by Engine::clean() if it has not been written for a day.
//
// After each flock(2) the name is looked up again: the file may have been committed or removed by the
// previous holder. The file is renamed, not linked: a file of two names is never appended to, because the
// other name may be a blob.
#include "layoutfs/upload.h"

#include <dirent.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <tuple>
#include <vector>

#include "core/base/hash_pipe.h"
#include "core/cas/file_blob.h"
#include "core/cas/incoming.h"
#include "core/cas/upload_file.h"

namespace layoutfs {
namespace {

constexpr std::size_t kIdSize = 32;
constexpr int kUploadFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

std::string described_upload(std::string_view id) { return "upload " + std::string(id); }

// Returns whether `fd` is still the file of that name. Fails if this cannot be determined: an upload that
// counts as missing would be started again.
Result<bool> is_linked(int fd, int folder, const std::string& name) {
  const auto mine = stat_of(fd, described_upload(name));
  if (!mine) return fail(Error(mine.error()));
  struct stat there;
  if (::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail(Error::system(errno, described_upload(name)));
  }
  return mine->st_ino == there.st_ino && mine->st_dev == there.st_dev;
}

// Returns whether no other process has used a file that was just created.
Result<bool> is_untouched(int fd, int folder, const std::string& name) {
  const auto found = stat_of(fd, described_upload(name));
  if (!found) return fail(Error(found.error()));
  if (found->st_size != 0 || found->st_nlink != 1) return false;
  return is_linked(fd, folder, name);
}

// Opens and locks the file of the upload. On a file system without locks, the holder is unknown.
Result<UniqueFd> open_locked(int folder, const std::string& id) {
  auto file = open_at(folder, id, kUploadFlags);
  if (!file && file.error().code() == Errc::not_found) return fail(unknown_upload(id));
  if (!file && is_wrong_type(file.error())) return fail(wrong_type(described_upload(id)));
  if (!file) return file;
  const auto found = stat_of(file->get(), id);
  if (!found) return fail(Error(found.error()));
  if (!S_ISREG(found->st_mode)) return fail(wrong_type(described_upload(id)));
  // If the other name is a blob, writing would change the blob.
  if (found->st_nlink > 1)
    return fail(Errc::upload_busy, described_upload(id) + ": the file has several hard links");
  if (lock_file(file->get(), LOCK_EX | LOCK_NB) == EWOULDBLOCK)
    return fail(Errc::upload_busy, described_upload(id) + ": another writer holds it");
  // The previous holder of the lock may have committed or cancelled it.
  const auto is_there = is_linked(file->get(), folder, id);
  if (!is_there) return fail(Error(is_there.error()));
  if (!*is_there) return fail(unknown_upload(id));
  return file;
}

class FileUpload final : public Upload {
 public:
  FileUpload(const LayoutDir& layout, BlobStore& blobs, std::string id, UniqueFd folder, UniqueFd file)
      : layout_(layout),
        blobs_(blobs),
        id_(std::move(id)),
        folder_(std::move(folder)),
        file_(std::move(file)) {}

  // The upload is empty.
  void begin() { hashes_ = std::make_unique<HashPipe>(kBlobAlgorithm); }
  // The upload has `size` bytes.
  void go_on(std::uint64_t size) {
    size_ = size;
    writeback_ = Writeback(size);
    if (size == 0) begin();
  }

  const std::string& id() const noexcept override { return id_; }
  std::uint64_t size() const noexcept override { return size_; }
  Status append(ByteView piece) override;
  Result<Digest> digest(const Context& context) override;
  Status close() override;
  Result<PutResult> commit(const Digest& digest, const Context& context) override;
  Status cancel() override;

 private:
  Status write(ByteView part);
  Result<Digest> hash(Algorithm algorithm, const Context& context);
  Result<PutResult> commit_file(const Digest& wanted, const Context& context);
  Status remove();

  const LayoutDir& layout_;
  BlobStore& blobs_;
  const std::string id_;
  const UniqueFd folder_;
  UniqueFd file_;  // empty after close
  std::uint64_t size_ = 0;
  Writeback writeback_;
  // Hashes everything written; null if another process has written the beginning, or after a failed write.
  std::unique_ptr<HashPipe> hashes_;
  Digest digest_;  // of all content, once it is known
  bool is_gone_ = false;
};

// `part` is at most one piece of the hashes.
Status FileUpload::write(ByteView part) {
  auto written = pwrite_all(file_.get(), part, size_, described_upload(id_));
  if (!written) {
    // Truncate to size(), so that the upload can be resumed there. If this fails, commit() notices it.
    std::ignore = ::ftruncate(file_.get(), static_cast<off_t>(size_));
    hashes_.reset();
    return written;
  }
  if (hashes_ != nullptr) {
    copy_bytes(part, hashes_->buffer());
    hashes_->submit(part.size());
  }
  digest_ = Digest();
  size_ += part.size();
  if (layout_.is_durable()) writeback_.advance(file_.get(), size_);
  return {};
}

Status FileUpload::append(ByteView piece) {
  if (!file_) return fail(Errc::closed, described_upload(id_) + ": already closed");
  while (!piece.empty()) {
    const ByteView part = piece.first(std::min(piece.size(), HashPipe::kPieceSize));
    if (auto written = write(part); !written) return written;
    piece = piece.subspan(part.size());
  }
  return {};
}

Result<Digest> FileUpload::digest(const Context& context) {
  if (!file_) return fail(Errc::closed, described_upload(id_) + ": already closed");
  return hash(kBlobAlgorithm, context);
}

Status FileUpload::close() {
  file_.reset();
  return {};
}

// Reads the file if its content was not hashed while it was written.
Result<Digest> FileUpload::hash(Algorithm algorithm, const Context& context) {
  if (hashes_ != nullptr) {
    digest_ = hashes_->finish();
    hashes_.reset();
  }
  if (!digest_.empty() && digest_.algorithm() == algorithm) return digest_;
  UniqueFd copy(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(Error::system(errno, described_upload(id_)));
  const auto shared = std::make_shared<const UniqueFd>(std::move(copy));
  BlobSource content(std::make_shared<const FileBlob>(shared, 0, size_, Digest()));
  auto hashed = hash_content(content, algorithm, context);
  if (!hashed) return fail(std::move(hashed).error(), described_upload(id_));
  digest_ = std::move(hashed->digest);
  return digest_;
}

Result<PutResult> FileUpload::commit_file(const Digest& wanted, const Context& context) {
  const auto found = stat_of(file_.get(), described_upload(id_));
  if (!found) return fail(Error(found.error()));
  if (const auto now = static_cast<std::uint64_t>(found->st_size); now != size_)
    return fail(Errc::size_invalid, described_upload(id_) + ": it has " + std::to_string(now) +
                                        " bytes, not " + std::to_string(size_));
  const auto content = hash(wanted.algorithm(), context);
  if (!content) return fail(Error(content.error()));
  if (*content != wanted)
    return fail(Errc::digest_invalid, described_upload(id_) + ": the content has the digest " +
                                          content->str() + ", not " + wanted.str());
  const StagedFile staged{
      .fd = file_.get(), .folder = folder_.get(), .name = id_.c_str(), .is_linked = false};
  const PutResult put{wanted, size_};
  if (auto installed = blobs_.install(staged, put, context); !installed) {
    // On a file system without locks, another process may have committed it first. Later failures are
    // reported.
    if (installed.error().code() == Errc::not_found &&
        !is_linked(file_.get(), folder_.get(), id_).value_or(true))
      return fail(unknown_upload(id_));
    return fail(std::move(installed).error());
  }
  // If the blob existed before, the upload still exists.
  if (auto removed = remove(); !removed) return fail(std::move(removed).error());
  return put;
}

Result<PutResult> FileUpload::commit(const Digest& digest, const Context& context) {
  if (is_gone_) return fail(unknown_upload(id_));
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
  if (!file_) {
    auto file = open_locked(folder_.get(), id_);
    if (!file) return fail(std::move(file).error());
    file_ = std::move(*file);
    // Another process may have changed it in the meantime.
    hashes_.reset();
    digest_ = Digest();
  }
  auto put = commit_file(digest, context);
  file_.reset();
  return put;
}

Status FileUpload::remove() {
  const auto removed = remove_file(folder_.get(), id_);
  if (!removed) return fail(Error(removed.error()));
  is_gone_ = true;
  return {};
}

Status FileUpload::cancel() {
  if (is_gone_) return {};
  if (!file_) {
    auto file = open_locked(folder_.get(), id_);
    if (!file && file.error().code() == Errc::upload_unknown) return {};
    if (!file) return fail(std::move(file).error());
    file_ = std::move(*file);
  }
  auto removed = remove();
  file_.reset();
  return removed;
}

}  // namespace

bool is_upload_id(std::string_view text) noexcept {
  return text.size() == kIdSize && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error unknown_upload(std::string_view id) {
  return Error(Errc::upload_unknown, "no upload '" + std::string(id) + "'");
}

Result<std::unique_ptr<Upload>> start_upload(const LayoutDir& layout, BlobStore& blobs,
                                             std::string_view wanted_id) {
  if (!wanted_id.empty() && !is_upload_id(wanted_id))
    return fail(Errc::invalid_argument, "'" + std::string(wanted_id) + "' is not a valid upload ID");
  auto folder = open_or_make_blob_folder(layout, kUploadsFolder);
  if (!folder) return fail(std::move(folder).error());
  // A process that lists the folder may lock the file first. The upload then belongs to that process, and may
  // be a blob already.
  constexpr int kAttempts = 100;
  std::string id;
  Result<UniqueFd> file = UniqueFd();
  for (int attempt = 0; attempt < kAttempts && !*file; ++attempt) {
    id = wanted_id.empty() ? random_name() + random_name() : std::string(wanted_id);
    file = open_at(folder->get(), id, kUploadFlags | O_CREAT | O_EXCL, 0644);
    if (!file && file.error().sys() == EEXIST)
      return fail(Errc::already_exists, described_upload(id) + " already exists");
    if (!file) return fail(std::move(file).error(), "cannot start an upload");
    if (lock_file(file->get(), LOCK_EX | LOCK_NB) != EWOULDBLOCK) {
      const auto is_mine = is_untouched(file->get(), folder->get(), id);
      if (!is_mine) return fail(Error(is_mine.error()), "cannot start an upload");
      if (*is_mine) break;
    }
    file = UniqueFd();
  }
  if (!*file) return fail(Errc::io, "cannot start an upload: other processes keep locking it");
  auto upload =
      std::make_unique<FileUpload>(layout, blobs, std::move(id), std::move(*folder), std::move(*file));
  upload->begin();
  return upload;
}

Result<std::unique_ptr<Upload>> resume_upload(const LayoutDir& layout, BlobStore& blobs,
                                              std::string_view id) {
  if (!is_upload_id(id)) return fail(unknown_upload(id));
  auto folder = open_blob_folder(layout, kUploadsFolder);
  if (!folder && folder.error().code() == Errc::not_found) return fail(unknown_upload(id));
  if (!folder) return fail(std::move(folder).error());
  auto file = open_locked(folder->get(), std::string(id));
  if (!file) return fail(std::move(file).error());
  const auto found = stat_of(file->get(), described_upload(id));
  if (!found) return fail(Error(found.error()));
  auto upload =
      std::make_unique<FileUpload>(layout, blobs, std::string(id), std::move(*folder), std::move(*file));
  upload->go_on(static_cast<std::uint64_t>(found->st_size));
  return upload;
}

Status remove_idle_uploads(const LayoutDir& layout, std::int64_t age_ns, const Context& context) {
  // Uploads behind a link that leaves the layout belong to another layout.
  auto folder = layout.open_own(std::string(kBlobsFolder) + "/" + kUploadsFolder, kFolderFlags);
  // There are no uploads, or they are not accessible.
  if (!folder) return {};
  std::vector<std::string> ids;
  const auto visit = [&](const char* name, unsigned char type) -> Status {
    if (type == DT_REG && is_upload_id(name)) ids.emplace_back(name);
    return {};
  };
  auto listed = open_at(folder->get(), ".", kFolderFlags);
  if (!listed) return fail(std::move(listed).error());
  if (auto visited = for_each_entry(std::move(*listed), kUploadsFolder, visit, context); !visited)
    return visited;
  const auto is_idle = [&](const struct stat& found) { return to_ns(found.st_mtim) < now_ns() - age_ns; };
  for (const std::string& id : ids) {
    if (auto go_on = context.check(); !go_on) return go_on;
    // Before locking it: another process may be about to resume it.
    struct stat now;
    if (::fstatat(folder->get(), id.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0 || !is_idle(now)) continue;
    const auto file = open_locked(folder->get(), id);
    const auto found = file ? stat_of(file->get(), id) : std::unexpected(file.error());
    if (!found || !is_idle(*found)) continue;
    if (const auto removed = remove_file(folder->get(), id); !removed)
      return fail(Error(removed.error()), described_upload(id));
  }
  return {};
}

}  // namespace layoutfs
