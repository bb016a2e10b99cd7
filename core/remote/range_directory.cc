// Files with blobs of registries in the cache directory.
#include "core/remote/range_directory.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr std::chrono::minutes kWritePause{1};
constexpr std::uint64_t kLargestRoomStep = std::uint64_t{64} << 20;

bool is_read_only(const Error& error) {
  return error.sys() == EACCES || error.sys() == EPERM || error.sys() == EROFS;
}

}  // namespace

RangeDirectory::RangeDirectory(std::string directory, std::uint64_t budget, Keeping keeping)
    : files_(directory.empty() || budget == 0 ? nullptr
                                              : std::make_unique<const CacheDirectory>(std::move(directory))),
      budget_(budget),
      room_step_(std::min(kLargestRoomStep, budget / 16)),
      keeping_(keeping) {}

Result<UniqueFd> RangeDirectory::open_complete(const Digest& digest) const {
  if (!files_) return fail(Errc::not_found, "no cache directory");
  auto file = files_->open(CacheKind::remote_blob, digest);
  if (file) CacheDirectory::use(file->get());
  return file;
}

Result<RangeDirectory::Opened> RangeDirectory::open(const Digest& digest, std::uint64_t size) const {
  if (!files_) return fail(Errc::not_found, "no cache directory");
  auto fd = files_->open_for_update(CacheKind::remote_ranges, digest);
  const bool is_writable = static_cast<bool>(fd);
  if (!fd && is_read_only(fd.error())) fd = files_->open(CacheKind::remote_ranges, digest);
  if (!fd) return fail(std::move(fd).error());
  CacheDirectory::use(fd->get());
  auto file = RangeFile::open(std::move(*fd), size);
  if (file) return Opened{.file = std::move(*file), .is_writable = is_writable};
  if (file.error().code() != Errc::corrupt) return fail(std::move(file).error());
  log(LogLevel::debug, digest.str() + ": " + file.error().message() + "; removing it");
  remove_ranges(digest);
  return fail(Errc::not_found, std::move(file).error().message());
}

Result<RangeDirectory::Opened> RangeDirectory::create(const Digest& digest, std::uint64_t size) const {
  auto opened = open(digest, size);
  if (opened || opened.error().code() != Errc::not_found || !files_) return opened;
  {
    auto created = files_->create(CacheKind::remote_ranges, digest);
    const auto file = created ? created->file() : fail(Error(created.error()));
    if (!file) return fail(Error(file.error()));
    if (auto ready = RangeFile::initialize(file->get(), size); !ready) return fail(std::move(ready).error());
    auto published = files_->publish_new(*created, digest);
    if (!published && published.error().code() != Errc::already_exists)
      return fail(std::move(published).error());
  }
  // A separate open file description: the new file's own one holds a lock.
  return open(digest, size);
}

Status RangeDirectory::keep_complete(const RangeFile& ranges, const Digest& digest) const {
  if (!files_) return {};
  return files_->move(ranges.file()->get(), CacheKind::remote_ranges, CacheKind::remote_blob, digest);
}

void RangeDirectory::remove_complete(const Digest& digest) const {
  if (files_) ignore(files_->remove(CacheKind::remote_blob, digest), "wrong content is found again");
}

void RangeDirectory::remove_ranges(const Digest& digest) const {
  if (files_) ignore(files_->remove(CacheKind::remote_ranges, digest), "an invalid file is found again");
}

void RangeDirectory::count_written(std::uint64_t bytes) {
  if (!files_ || (written_ += bytes) < room_step_) return;
  written_ = 0;
  files_->make_room(CacheBudget::remote_blobs, budget_);
}

bool RangeDirectory::is_writable() const {
  if (!files_ || keeping_ == Keeping::none) return false;
  auto until = paused_until_.lock();
  if (*until && std::chrono::steady_clock::now() < **until) return false;
  until->reset();
  return true;
}

void RangeDirectory::pause_writing(const Error& why) {
  *paused_until_.lock() = std::chrono::steady_clock::now() + kWritePause;
  if (is_warned_.exchange(true)) return;
  log(LogLevel::warning, "cache of remote blobs: " + why.message() + "; reading continues without it");
}

}  // namespace layoutfs
