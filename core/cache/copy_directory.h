// Decoded copies in the cache directory, and their common budget.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/base/file.h"
#include "core/cache/cache_directory.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A stretch without access points that is longer than this, in bytes of stream, is copied as soon as one read
// would decode that much, which takes about a tenth of a second.
inline constexpr std::uint64_t kLongStretch = std::uint64_t{64} << 20;

struct CopyDirectoryOptions {
  std::uint64_t budget;  // limit in bytes for all copies of the directory
  std::uint64_t long_stretch = kLongStretch;
};

struct CopyStats {
  std::uint64_t made = 0, dropped = 0;  // copies; damaged ones were dropped
  std::uint64_t spans_read = 0;
};

// The files of CacheKind::decoded_copy, with the state shared by all streams of this process. Thread-safe.
class CopyDirectory {
 public:
  CopyDirectory(std::shared_ptr<const CacheDirectory> files, CopyDirectoryOptions options)
      : files_(std::move(files)), options_(options) {}

  // Opens the copy of `blob` and marks it as used. Errc::not_found if there is none. Errc::invalid_argument
  // if others could have written it.
  Result<UniqueFd> open(const Digest& blob) const;
  Result<NewCacheFile> create(const Digest& blob) const { return files_->create(kKind, blob); }
  // Replaces the copy of `blob`.
  Status publish(NewCacheFile& copy, const Digest& blob) const { return files_->publish(copy, blob); }
  void remove(const Digest& blob) const;
  void make_room() const { files_->make_room(CacheBudget::decoded_copies, options_.budget); }

  const CopyDirectoryOptions& options() const noexcept { return options_; }
  std::string path() const { return files_->path() + "/" + std::string(name_of(kKind)); }
  CopyStats stats() const noexcept;

  // Only one copy is made at a time, because each needs a decoder and its window. Returns false while another
  // one is made. After true, the caller must call end_making().
  bool begin_making() noexcept { return !is_making_.exchange(true); }
  void end_making() noexcept { is_making_ = false; }
  // No more copies are made in this process. The first call logs a warning.
  void give_up(const Error& why) noexcept;
  bool is_given_up() const noexcept { return is_given_up_; }
  void count_made() noexcept { ++made_; }
  void count_dropped() noexcept { ++dropped_; }
  void count_read() noexcept { ++spans_read_; }

 private:
  static constexpr CacheKind kKind = CacheKind::decoded_copy;

  const std::shared_ptr<const CacheDirectory> files_;
  const CopyDirectoryOptions options_;
  std::atomic<bool> is_making_ = false, is_given_up_ = false;
  std::atomic<std::uint64_t> made_ = 0, dropped_ = 0, spans_read_ = 0;
};

}  // namespace layoutfs
