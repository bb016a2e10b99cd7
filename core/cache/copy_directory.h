// The directory of decoded copies, and the budget that all of them share.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/digest.h"
#include "core/base/error.h"
#include "core/base/file.h"

namespace layoutfs {

// Their folder in the directory of a cache, where they lie as the files of other kinds do.
inline constexpr std::string_view kDecodedCopies = "decoded";

// A stretch without access points that takes more bytes of stream than this is copied, once somebody would
// decode as much of it for one read, for about a tenth of a second.
inline constexpr std::uint64_t kLongStretch = std::uint64_t{64} << 20;

struct CopyOptions {
  std::uint64_t budget;  // bytes that all copies of the directory may take
  std::uint64_t long_stretch = kLongStretch;
};

struct CopyStats {
  std::uint64_t made = 0, dropped = 0;  // copies; dropped ones were damaged
  std::uint64_t spans_read = 0;
};

// A file of the directory that is being written, under a name that nobody looks for. It is removed at the
// end unless it was published. A lock (flock) on it tells other processes that it is no litter.
class NewCopy {
 public:
  NewCopy(NewCopy&& other) noexcept = default;
  NewCopy& operator=(NewCopy&&) = delete;
  ~NewCopy();
  // Another handle of the file, for reading and writing.
  Result<UniqueFd> file() const;

 private:
  friend class CopyDirectory;
  NewCopy(UniqueFd folder, std::string name, UniqueFd fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(std::move(fd)) {}
  UniqueFd folder_;  // none once published
  std::string name_;
  UniqueFd fd_;
};

// Files at DIRECTORY/decoded/ALGORITHM/HEX, by the digest of the layer's blob. Several processes may use one
// directory at once. Which copy was used last is told by the files' modification times. Thread-safe.
class CopyDirectory {
 public:
  // `directory` is that of the index cache; it is made where it is missing, 0700.
  CopyDirectory(std::string directory, CopyOptions options);

  // The copy of `blob`, used now. Errc::not_found; Errc::invalid_argument where others could have written it.
  Result<UniqueFd> open(const Digest& blob) const;
  // Says that the copy is used now. False where another process has removed it since it was opened.
  static bool use(int fd);
  Result<NewCopy> create(const Digest& blob) const;
  // Replaces the copy of `blob`.
  Status publish(NewCopy& copy, const Digest& blob) const;
  void remove(const Digest& blob) const;
  // Removes what crashed writers left behind, then the copies that were used the longest time ago, until what
  // is left, with what is being written, keeps the budget.
  void make_room() const;

  const CopyOptions& options() const noexcept { return options_; }
  const std::string& path() const noexcept { return path_; }
  CopyStats stats() const noexcept;

  // One copy is made at a time, as each takes a decoder and its window: false while another one is. Whoever
  // got true calls end_making().
  bool begin_making() noexcept { return !is_making_.exchange(true); }
  void end_making() noexcept { is_making_ = false; }
  // Nothing is made any more in this process; warns, the first time.
  void give_up(const Error& why) noexcept;
  bool is_given_up() const noexcept { return is_given_up_; }
  void count_made() noexcept { ++made_; }
  void count_dropped() noexcept { ++dropped_; }
  void count_read() noexcept { ++spans_read_; }

 private:
  std::string folder_of(std::string_view algorithm) const;

  const std::string path_;  // DIRECTORY/decoded
  const CopyOptions options_;
  std::atomic<bool> is_making_ = false, is_given_up_ = false;
  std::atomic<std::uint64_t> made_ = 0, dropped_ = 0, spans_read_ = 0;
};

}  // namespace layoutfs
