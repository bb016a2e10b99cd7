// The blobs of a layout in a directory. The parts of a put:
//
// stage() writes the content to a file outside of `blobs/` (workspace.h), hashes it at the same time, and
// compares the result with the caller's options. install() then gives the file its name in one step, in this
// order:
//
//   1. fsync of the content: otherwise a crash could leave the name with half of the content;
//   2. link(2), which replaces nothing on any file system; or, for an upload and without hard links, a rename
//      that replaces nothing, under the layout's exclusive lock;
//   3. fsync of the folder: only then does put() return.
//
// A batch does the same for many blobs with one syncfs(2) instead of step 1. If the name exists, its file is
// verified: an intact one is kept and gets a new time under the shared lock, so that a sweep sees that it was
// put again; a damaged one is replaced by rename under the exclusive lock. A sweep decides and removes under
// the exclusive lock, so either it sees the new time, or the writer sees that the blob is gone and puts it
// again.
//
// Invariants: a file in `blobs/<algorithm>` was complete, verified and on disk before it got its name, and
// its content never changes afterwards.
#include "core/cas/blob_store.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <tuple>

#include "core/base/hash_pipe.h"
#include "core/cas/file_blob.h"
#include "core/cas/incoming.h"
#include "core/cas/intact_blob.h"

namespace layoutfs {
namespace {

std::unexpected<Error> blob_error(const Digest& digest, const Error& error) {
  if (error.sys() == ENOENT) return fail(Errc::not_found, digest.str() + ": no such blob");
  if (is_wrong_type(error)) return fail(wrong_type(digest.str()));
  if (error.sys() != 0) return fail(Error::system(error.sys(), digest.str()));
  return fail(Error(error), digest.str());
}

// Links or, if the file system has no hard links, renames a file to a new name. Returns 0 or the errno;
// EEXIST if the name exists.
Result<int> name_blob(const LayoutDir& layout, const StagedFile& file, int folder, const std::string& name,
                      const Context& context) {
  if (file.is_linked) {
    const auto link = [&] { return ::linkat(file.folder, file.name, folder, name.c_str(), 0); };
    if (retried(link) == 0) return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return errno;
  }
  const auto lock = layout.lock_exclusive(context);
  if (!lock) return fail(Error(lock.error()));
  return rename_new(file.folder, file.name, folder, name);
}

StagedFile staged(const TempFile& file) {
  return {.fd = file.fd(), .folder = file.folder(), .name = file.name(), .is_linked = true};
}

// The file of a blob and its size.
struct OpenFile {
  std::shared_ptr<const UniqueFd> fd;
  struct stat status;
};

// `fd` is the file or the error of opening it.
Result<OpenFile> open_blob_file(Result<UniqueFd> fd, const Digest& digest) {
  if (!fd) return blob_error(digest, fd.error());
  const auto status = stat_of(fd->get(), digest.str());
  if (!status) return fail(Error(status.error()));
  if (!S_ISREG(status->st_mode)) return fail(wrong_type(digest.str()));
  return OpenFile{std::make_shared<const UniqueFd>(std::move(*fd)), *status};
}

BlobPtr blob_of(const OpenFile& file, const Digest& digest) {
  return std::make_shared<const FileBlob>(file.fd, 0, static_cast<std::uint64_t>(file.status.st_size),
                                          digest);
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

// Gives the replacement file the mode and, for root, the owner of the old file, if the system permits.
void take_over(const StagedFile& file, const struct stat& old) {
  if (::geteuid() == 0)
    std::ignore = ::fchownat(file.folder, file.name, old.st_uid, old.st_gid, AT_SYMLINK_NOFOLLOW);
  std::ignore = ::fchmodat(file.folder, file.name, old.st_mode & 0777, 0);
}

}  // namespace

Result<UniqueFd> open_or_make_blob_folder(const LayoutDir& layout, const std::string& name) {
  auto folder = open_blob_folder(layout, name);
  if (folder || folder.error().sys() != ENOENT) return folder;
  auto blobs = layout.open(kBlobsFolder, kFolderFlags);
  if (!blobs) return blobs;
  if (retried([&] { return ::mkdirat(blobs->get(), name.c_str(), 0755); }) != 0 && errno != EEXIST)
    return fail(Error::system(errno, blob_folder_path(name)));
  if (auto synced = layout.sync_names(blobs->get(), kBlobsFolder); !synced)
    return fail(std::move(synced).error());
  return open_blob_folder(layout, name);
}

Result<UniqueFd> BlobStore::open_folder(Algorithm algorithm) const {
  return open_blob_folder(layout_, std::string(name_of(algorithm)));
}

Result<UniqueFd> BlobStore::open_path(const Digest& digest, int flags) const {
  return layout_.open(digest.blob_path(), flags);
}

Result<UniqueFd> BlobStore::open_to_read(const Digest& digest) const {
  // The link or the folder's link may point to any file, so check the type before opening.
  if (layout_.links() == LinkPolicy::anywhere) return open_path(digest, kReadFlags);
  return folders_.find(digest.algorithm(), [&](int folder) {
    auto file = open_at(folder, digest.hex(), kReadFlags);
    if (!file && file.error().sys() == ELOOP) return open_path(digest, kReadFlags);  // a symlink
    return file;
  });
}

Result<BlobPtr> BlobStore::open(const Digest& digest) const {
  const auto file = open_blob_file(open_to_read(digest), digest);
  if (!file) return fail(Error(file.error()));
  return blob_of(*file, digest);
}

Result<std::optional<BlobStatus>> BlobStore::status(const Digest& digest) const {
  struct stat found;
  const auto looked = folders_.find(digest.algorithm(), [&](int folder) -> Status {
    if (::fstatat(folder, digest.hex().c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) return {};
    return fail(Error::system(errno, digest.str()));
  });
  if (!looked && looked.error().sys() == ENOENT) return std::nullopt;
  if (!looked) return blob_error(digest, looked.error());
  if (S_ISLNK(found.st_mode)) return link_status(digest, found);
  if (!S_ISREG(found.st_mode)) return fail(wrong_type(digest.str()));
  // The change time: link, rename and keep() set it, and no program can set it back.
  BlobStatus status{static_cast<std::uint64_t>(found.st_size), to_ns(found.st_ctim)};
  const FileId id(found.st_dev, found.st_ino);
  auto all_targets = link_targets_.lock();
  for (const auto& [algorithm, targets] : *all_targets) status.is_link_target |= targets.contains(id);
  return status;
}

Result<BlobStatus> BlobStore::link_status(const Digest& digest, const struct stat& link) const {
  BlobStatus status{0, to_ns(link.st_ctim), true};
  const auto target = open_path(digest, O_PATH);
  if (!target && target.error().code() == Errc::io && !is_wrong_type(target.error()))
    return blob_error(digest, target.error());
  const auto found = target ? stat_of(target->get(), digest.str()) : std::unexpected(target.error());
  if (!found || !S_ISREG(found->st_mode)) return status;
  status.size = static_cast<std::uint64_t>(found->st_size);
  status.is_dead_link = false;
  return status;
}

Result<std::vector<Digest>> BlobStore::list(Algorithm algorithm, const Context& context) const {
  std::vector<Digest> digests;
  std::vector<std::string> links;
  auto folder = open_folder(algorithm);
  if (!folder && folder.error().sys() == ENOENT) return digests;
  if (!folder) return fail(std::move(folder).error());
  std::string text(name_of(algorithm));
  text += ':';
  const std::size_t prefix = text.size();
  const auto visit = [&](const char* name, unsigned char type) -> Status {
    if (type != DT_REG && type != DT_LNK) return {};
    text.replace(prefix, std::string::npos, name);
    auto digest = Digest::parse(text);
    if (!digest) return {};
    if (type == DT_LNK) links.push_back(digest->blob_path());
    digests.push_back(std::move(*digest));
    return {};
  };
  auto status = for_each_entry(std::move(*folder), blob_folder_path(name_of(algorithm)), visit, context);
  if (!status) return fail(std::move(status).error());
  std::ranges::sort(digests);
  auto targets = targets_of(algorithm, links);
  link_targets_.lock()->insert_or_assign(algorithm, std::move(targets));
  return digests;
}

// Also includes, with kBlobAlgorithm, the targets outside of `blobs/`.
std::set<BlobStore::FileId> BlobStore::targets_of(Algorithm algorithm,
                                                  const std::vector<std::string>& links) const {
  std::set<FileId> targets;
  const auto add = [&](const std::string& link) {
    const auto file = layout_.open(link, O_PATH);
    const auto found = file ? stat_of(file->get(), link) : std::unexpected(file.error());
    if (found && S_ISREG(found->st_mode)) targets.emplace(found->st_dev, found->st_ino);
  };
  for (const std::string& link : links) add(link);
  if (algorithm != kBlobAlgorithm) return targets;
  for (const char* const name : {kIndexFile, kMarkerFile})
    if (is_link(layout_.fd(), name)) add(name);
  auto refs = layout_.open(kRefsFolder, kFolderFlags);
  if (!refs) return targets;
  const auto visit = [&](const char* name, unsigned char type) -> Status {
    if (type == DT_LNK) add(std::string(kRefsFolder) + "/" + name);
    return {};
  };
  ignore(for_each_entry(std::move(*refs), kRefsFolder, visit), "references() reports unreadable ones");
  return targets;
}

std::int64_t BlobStore::listing_ns(Algorithm algorithm) const {
  const auto folder = open_folder(algorithm);
  const auto found = folder ? stat_of(folder->get(), kBlobsFolder) : std::unexpected(folder.error());
  // A program that copies a layout may set the modification time back.
  return found && !is_fresh(*found) ? to_ns(found->st_ctim) : now_ns();
}

Result<StagedBlob> BlobStore::stage(ByteSource& content, const PutOptions& options) {
  auto file = workspace_.create_file();
  if (!file) return fail(std::move(file).error());
  return fill(std::move(*file), content, options);
}

Result<StagedBlob> BlobStore::fill(TempFile file, ByteSource& content, const PutOptions& options) const {
  auto written = write_hashed(file.fd(), 0, content, options, layout_.is_durable());
  if (!written) return fail(std::move(written).error());
  if (auto checked = check_wanted(*written, options); !checked) return fail(std::move(checked).error());
  return StagedBlob{std::move(file), std::move(*written)};
}

bool BlobStore::clone(const Blob& blob, int fd) const {
  if (!may_clone_) return false;
  const auto from = blob.extent();
  if (!from || from->offset != 0) return false;
  if (::ioctl(fd, FICLONE, from->fd) == 0) return true;
  // Both files are on the layout's file system, which cannot clone; otherwise the error is EXDEV.
  if (errno == EOPNOTSUPP) may_clone_ = false;
  return false;
}

bool BlobStore::can_clone(const Blob& blob) const {
  if (!may_clone_) return false;
  const auto file = workspace_.create_file();
  return file && clone(blob, file->fd());
}

Result<StagedBlob> BlobStore::stage_copy(const BlobPtr& blob, const PutOptions& options) {
  auto file = workspace_.create_file();
  if (!file) return fail(std::move(file).error());
  if (!clone(*blob, file->fd())) {
    BlobSource content(blob);
    return fill(std::move(*file), content, options);
  }
  // Hash the clone, because the other file may change in the meantime.
  auto clone = open_at(file->folder(), file->name(), kReadFlags);
  if (!clone) return fail(std::move(clone).error());
  const auto found = stat_of(clone->get(), file->name());
  if (!found) return fail(Error(found.error()));
  BlobSource content(std::make_shared<const FileBlob>(std::make_shared<const UniqueFd>(std::move(*clone)), 0,
                                                      static_cast<std::uint64_t>(found->st_size),
                                                      options.digest));
  auto hashed = hash_content(content, algorithm_of(options), options.context);
  if (!hashed) return fail(std::move(hashed).error());
  if (auto checked = check_wanted(*hashed, options); !checked) return fail(std::move(checked).error());
  return StagedBlob{std::move(*file), std::move(*hashed)};
}

Result<PutResult> BlobStore::put(ByteSource& content, const PutOptions& options) {
  const auto blob = stage(content, options);
  if (!blob) return fail(Error(blob.error()));
  if (auto done = install(staged(blob->file), blob->put, options.context); !done)
    return fail(std::move(done).error());
  return blob->put;
}

Result<PutResult> BlobStore::copy(const BlobPtr& content, const PutOptions& options) {
  const auto blob = stage_copy(content, options);
  if (!blob) return fail(Error(blob.error()));
  if (auto done = install(staged(blob->file), blob->put, options.context); !done)
    return fail(std::move(done).error());
  return blob->put;
}

Status BlobStore::install(const StagedFile& file, const PutResult& put, const Context& context) {
  const Digest& digest = put.digest;
  // The content must be on disk before the name. Otherwise a crash could leave the name with half of the
  // content.
  if (auto synced = layout_.sync(file.fd, digest.str()); !synced) return synced;
  const auto folder = open_or_make_blob_folder(layout_, std::string(name_of(digest.algorithm())));
  if (!folder) return fail(Error(folder.error()), digest.str());
  if (auto named = name(file, folder->get(), put, context); !named) return named;
  return layout_.sync_names(folder->get(), digest.str());
}

Status BlobStore::install_all(std::span<StagedBlob> blobs, const Context& context) {
  if (blobs.empty()) return {};
  if (auto synced = layout_.sync_everything(); !synced) return synced;
  std::map<Algorithm, UniqueFd> folders;
  for (StagedBlob& blob : blobs) {
    UniqueFd& folder = folders[blob.put.digest.algorithm()];
    if (!folder) {
      auto opened = open_or_make_blob_folder(layout_, std::string(name_of(blob.put.digest.algorithm())));
      if (!opened) return fail(std::move(opened).error(), blob.put.digest.str());
      folder = std::move(*opened);
    }
    // One directory operation instead of link(2) and unlink(2), if the file system supports it.
    if (blob.file.rename_to_new(folder.get(), blob.put.digest.hex())) continue;
    if (auto named = name(staged(blob.file), folder.get(), blob.put, context); !named) return named;
  }
  for (const auto& [algorithm, folder] : folders)
    if (auto synced = layout_.sync_names(folder.get(), blob_folder_path(name_of(algorithm))); !synced)
      return synced;
  return {};
}

Status BlobStore::name(const StagedFile& file, int folder, const PutResult& put, const Context& context) {
  for (;;) {
    const auto failure = name_blob(layout_, file, folder, put.digest.hex(), context);
    if (!failure) return fail(Error(failure.error()));
    if (*failure == 0) return {};
    if (*failure != EEXIST) return fail(Error::system(*failure, put.digest.str()));
    const auto kept = keep(file, folder, put, context);
    if (!kept) return fail(Error(kept.error()));
    if (*kept) return {};  // otherwise it was deleted in the meantime
  }
}

Result<bool> BlobStore::keep(const StagedFile& file, int folder, const PutResult& put,
                             const Context& context) const {
  const Digest& digest = put.digest;
  if (is_link(folder, digest.hex())) return keep_link(file, folder, put, context);
  const auto present = open_blob_file(open_at(folder, digest.hex(), kReadFlags), digest);
  if (!present && present.error().code() == Errc::not_found) return false;
  if (!present) return fail(Error(present.error()));
  const auto is_whole = is_intact(blob_of(*present, digest), digest, put.size, context);
  if (!is_whole) return fail(Error(is_whole.error()));
  if (!*is_whole) return replace(file, folder, digest, present->status, context);
  // Its writer may not have waited for the disk.
  if (auto synced = layout_.sync(present->fd->get(), digest.str()); !synced)
    return fail(std::move(synced).error());
  // sweep_blob holds the lock exclusively: either it sees the new time, or this call sees that the blob is
  // gone.
  const auto lock = layout_.lock_shared(context);
  if (!lock) return fail(Error(lock.error()));
  struct stat now;
  if (::fstatat(folder, digest.hex().c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail(Error::system(errno, digest.str()));
  }
  if (!is_same_file(now, present->status)) return false;
  // The mode stays the same: this only updates the change time.
  if (::fchmod(present->fd->get(), now.st_mode & 07777) == 0) return true;
  if (errno != EPERM) return fail(Error::system(errno, digest.str()));
  // The blob of another user. Replace it by the same bytes, which are verified and on disk, as a file with a
  // new time. Readers see the same content.
  if (retried([&] { return ::renameat(file.folder, file.name, folder, digest.hex().c_str()); }) != 0)
    return fail(Error::system(errno, digest.str()));
  return true;
}

// A link stays if its target has this content. Otherwise the file replaces the link; its target is never
// written.
Result<bool> BlobStore::keep_link(const StagedFile& file, int folder, const PutResult& put,
                                  const Context& context) const {
  const Digest& digest = put.digest;
  const auto target = open_blob_file(open_path(digest, kReadFlags), digest);
  const auto is_same = target ? is_intact(blob_of(*target, digest), digest, put.size, context)
                              : Result<bool>(std::unexpected(target.error()));
  const bool has_failed =
      !is_same && (is_same.error().code() == Errc::io || is_same.error().code() == Errc::cancelled);
  if (has_failed) return fail(Error(is_same.error()));
  const bool same = is_same.value_or(false);
  if (same)
    if (auto synced = layout_.sync(target->fd->get(), digest.str()); !synced)
      return fail(std::move(synced).error());
  // sweep_blob holds the lock exclusively, see keep().
  const auto lock = layout_.lock_shared(context);
  if (!lock) return fail(Error(lock.error()));
  if (!is_link(folder, digest.hex())) return false;
  constexpr std::array<timespec, 2> kNow{timespec{.tv_sec = 0, .tv_nsec = UTIME_NOW},
                                         timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
  // Also updates the change time of the link. Fails for another user's link.
  if (same && ::utimensat(folder, digest.hex().c_str(), kNow.data(), AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (retried([&] { return ::renameat(file.folder, file.name, folder, digest.hex().c_str()); }) != 0)
    return fail(Error::system(errno, digest.str()));
  return true;
}

// Replaces by rename: a reader, even after a crash, sees the old file or the new one, and open files stay
// valid. The lock prevents two writers from replacing each other's good blob, and the sweep from removing it.
Result<bool> BlobStore::replace(const StagedFile& file, int folder, const Digest& digest,
                                const struct stat& damaged, const Context& context) const {
  const auto lock = layout_.lock_exclusive(context);
  if (!lock) return fail(Error(lock.error()));
  struct stat now;
  if (::fstatat(folder, digest.hex().c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail(Error::system(errno, digest.str()));
  }
  if (!is_same_file(now, damaged)) return false;
  take_over(file, damaged);
  if (retried([&] { return ::renameat(file.folder, file.name, folder, digest.hex().c_str()); }) != 0)
    return fail(Error::system(errno, digest.str()));
  return true;
}

Result<bool> BlobStore::erase(const Digest& digest) {
  const auto folder = layout_.open_own(blob_folder_path(name_of(digest.algorithm())), kFolderFlags);
  if (!folder && folder.error().sys() == ENOENT) return false;
  if (!folder) return blob_error(digest, folder.error());
  auto removed = remove_file(folder->get(), digest.hex());
  if (!removed) return blob_error(digest, removed.error());
  return removed;
}

}  // namespace layoutfs
