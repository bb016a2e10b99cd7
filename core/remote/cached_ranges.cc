// The ranges of one blob. The lock protects the members alone: no file is read or written while it is held,
// except to open one.
#include "core/remote/cached_ranges.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/remote/range_chunks.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

constexpr std::chrono::minutes kRangeUsePeriod{1};

}  // namespace

CachedRanges::CachedRanges(std::shared_ptr<RangeDirectory> directory, Digest digest, std::uint64_t size)
    : directory_(std::move(directory)),
      digest_(std::move(digest)),
      size_(size),
      use_at_(std::chrono::steady_clock::now() + kRangeUsePeriod) {
  auto state = state_.lock();
  if (auto complete = directory_->open_complete(digest_)) {
    const auto status = stat_of(complete->get(), "cached blob");
    if (status && static_cast<std::uint64_t>(status->st_size) == size_) {
      state->complete = std::make_shared<const UniqueFd>(std::move(*complete));
      return;
    }
  }
  auto opened = directory_->open(digest_, size_);
  if (opened) {
    state->ranges = std::move(opened->file);
    state->is_writable = opened->is_writable;
  } else if (opened.error().code() != Errc::not_found) {
    log(LogLevel::debug, digest_.str() + ": " + opened.error().message());
  }
}

std::shared_ptr<RangeFile> CachedRanges::ranges() const { return state_.lock()->ranges; }

// Returns null if nothing can be written.
std::shared_ptr<RangeFile> CachedRanges::ranges_to_write() {
  if (!is_stored()) return nullptr;
  auto state = state_.lock();
  if (state->complete) return nullptr;
  if (state->ranges) return state->is_writable ? state->ranges : nullptr;
  auto opened = directory_->create(digest_, size_);
  if (!opened) {
    directory_->pause_writing(opened.error());
    return nullptr;
  }
  state->ranges = std::move(opened->file);
  state->is_writable = opened->is_writable;
  return state->is_writable ? state->ranges : nullptr;
}

// Stops using a file that was removed or emptied.
void CachedRanges::leave(const std::shared_ptr<RangeFile>& gone) {
  auto state = state_.lock();
  if (state->ranges == gone) state->ranges.reset();
  none_missing_below_ = 0;
}

void CachedRanges::note_complete(const std::shared_ptr<RangeFile>& ranges) const {
  auto state = state_.lock();
  if (state->ranges != ranges) return;
  state->complete = ranges->file();
  state->ranges.reset();
  state->recent.clear();
}

void CachedRanges::mark_used(const RangeFile::File& file) const {
  const auto now = std::chrono::steady_clock::now();
  auto due = use_at_.load();
  if (now >= due && use_at_.compare_exchange_strong(due, now + kRangeUsePeriod))
    CacheDirectory::use(file->get());
}

std::vector<bool> CachedRanges::present(std::uint64_t first, std::uint64_t count) const {
  std::vector<bool> result(count);
  std::shared_ptr<RangeFile> ranges;
  {
    auto state = state_.lock();
    if (state->complete) return std::vector<bool>(count, true);
    ranges = state->ranges;
    for (std::uint64_t i = 0; i < count; ++i) result[i] = state->recent.find(first + i) != nullptr;
  }
  if (!ranges) return result;
  const auto in_file = ranges->present(first, count);
  for (std::uint64_t i = 0; i < count; ++i) result[i] = result[i] || in_file[i];
  return result;
}

bool CachedRanges::read(std::uint64_t chunk, std::uint64_t begin, std::span<std::byte> out) {
  std::shared_ptr<RangeFile> ranges;
  RangeFile::File complete;
  {
    auto state = state_.lock();
    complete = state->complete;
    if (const ChunkBytes bytes = state->recent.find(chunk)) {
      copy_bytes(ByteView(*bytes).subspan(begin, out.size()), out);
      return true;
    }
    ranges = state->ranges;
  }
  if (complete) {
    const auto got = pread_full(complete->get(), out, chunk * kRangeChunk + begin);
    return got && *got == out.size();
  }
  if (!ranges) return false;
  const auto found = ranges->read(chunk, begin, out);
  if (ranges->is_complete()) note_complete(ranges);
  if (!found) {
    log(LogLevel::debug, digest_.str() + ": " + found.error().message());
    return false;
  }
  if (*found) mark_used(ranges->file());
  return *found;
}

void CachedRanges::add(std::uint64_t chunk, const ChunkBytes& bytes) {
  // A file that was removed to free space is replaced by a new one.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto ranges = ranges_to_write();
    if (!ranges) break;
    const auto added = ranges->add(chunk, *bytes);
    if (added && *added == RangeFile::Added::gone) {
      leave(ranges);
      continue;
    }
    if (!added) {
      directory_->pause_writing(added.error());
      break;
    }
    if (ranges->is_complete()) note_complete(ranges);
    if (*added == RangeFile::Added::yes) directory_->count_written(bytes->size());
    return;
  }
  if (auto state = state_.lock(); !state->complete) state->recent.add(chunk, bytes);
}

void CachedRanges::drop(std::uint64_t first, std::uint64_t count) {
  if (first >= chunk_count(size_)) return;
  count = std::min(count, chunk_count(size_) - first);
  std::shared_ptr<RangeFile> ranges;
  {
    auto state = state_.lock();
    state->recent.drop(first, count);
    if (state->complete) {
      directory_->remove_complete(digest_);
      state->former.push_back(std::move(state->complete));
      state->complete.reset();
      return;
    }
    ranges = state->ranges;
  }
  if (!ranges) return;
  none_missing_below_ = 0;
  const auto dropped = ranges->drop(first, count);
  if (!dropped) leave(ranges);
}

bool CachedRanges::awaits_proof() const {
  std::shared_ptr<RangeFile> ranges;
  {
    auto state = state_.lock();
    if (state->complete || !state->ranges || !state->is_writable) return false;
    ranges = state->ranges;
  }
  const std::uint64_t missing = ranges->first_missing(none_missing_below_);
  none_missing_below_ = missing;
  return missing == chunk_count(size_);
}

Status CachedRanges::prove(const Context& context) {
  const auto ranges = this->ranges();
  if (!ranges || complete()) return {};
  none_missing_below_ = 0;  // another process may have dropped some
  const auto proof = ranges->prove(digest_, context);
  if (!proof) return fail(Error(proof.error()), digest_.str());
  if (*proof == RangeFile::Proof::impossible) return {};
  if (*proof == RangeFile::Proof::wrong) {
    leave(ranges);
    directory_->remove_ranges(digest_);
    return fail(Errc::corrupt, digest_.str() + ": fetched content has another digest");
  }
  note_complete(ranges);
  if (auto kept = directory_->keep_complete(*ranges, digest_); !kept)
    log(LogLevel::debug, digest_.str() + ": not kept: " + kept.error().message());
  return {};
}

}  // namespace layoutfs
