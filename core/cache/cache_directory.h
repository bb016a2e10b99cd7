// The cache directory: the one owner of its file names, its trust, its leftover files and its budget.
//
//   DIRECTORY/                          0700
//     layers/ALGORITHM/HEX              index of a layer, by the digest of its blob
//     layer-trees/ALGORITHM/HEX         tree of a layer that is looked at alone
//     images/ALGORITHM/HEX              tree of an image, by the digest of its manifest
//     decoded/ALGORITHM/HEX             decoded copy of a layer, by the digest of its blob
//     blob-info, blob-info.lock         known locations of blobs
//     .../.tmp-0123456789abcdef         a file that is being written, or that a killed writer left
//
// A kind of files is a row of a table (cache_directory.cc): its folder, and whether it is under the budget.
// Everything in here can be made again, so files are removed rather than repaired. What is read decides what
// an image seems to hold, so only files that nobody but this user and root can have written are opened.
//
// Several processes may use one directory at once: a file appears complete, by rename, and stays readable for
// those who have it open when it is removed or replaced.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "layoutfs/bytes.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class IfMissing : std::uint8_t;

enum class CacheKind : std::uint8_t { layer_index, layer_tree, image_tree, decoded_copy };
inline constexpr std::array kCacheKinds = {CacheKind::layer_index, CacheKind::layer_tree,
                                           CacheKind::image_tree, CacheKind::decoded_copy};
// Returns the name of the folder.
std::string_view name_of(CacheKind kind) noexcept;

// Files of the directory itself.
inline constexpr const char* kBlobInfoFile = "blob-info";
inline constexpr const char* kBlobInfoLockFile = "blob-info.lock";

// A file that is being written piece by piece, under a name that nobody looks for. It is removed at the end
// unless it was published. A lock (flock) on it tells other processes that its writer lives.
class NewCacheFile {
 public:
  NewCacheFile(NewCacheFile&& other) noexcept = default;
  NewCacheFile& operator=(NewCacheFile&&) = delete;
  ~NewCacheFile();
  // Another handle of the file, for reading and writing.
  Result<UniqueFd> file() const;

 private:
  friend class CacheDirectory;
  NewCacheFile(std::shared_ptr<const UniqueFd> folder, std::string name, UniqueFd fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::shared_ptr<const UniqueFd> folder_;  // null once published
  std::string name_;
  UniqueFd fd_;
};

struct CachedFile {
  std::string name;       // the digest in hex
  std::string algorithm;  // of the digest
  std::uint64_t size;
  std::int64_t used_ns;  // since 1970; the last use() of files under the budget, else the time of writing
};

// Thread-safe. Handles of the folders are kept open, so a file costs one openat(2) and one fstat(2).
// Errors of all functions name the path; Errc::invalid_argument if others could have written the file, or a
// directory on the way to it.
class CacheDirectory {
 public:
  // Touches nothing yet. `path` is not empty.
  explicit CacheDirectory(std::string path);

  // $LAYOUTFS_CACHE_DIR; else /var/cache/layoutfs for root; else $XDG_CACHE_HOME/layoutfs; else
  // ~/.cache/layoutfs; empty if there is none of these.
  static std::string default_path();
  const std::string& path() const noexcept { return path_; }

  // Opens a file for reading, or maps it. Errc::not_found if there is none.
  Result<UniqueFd> open(CacheKind kind, const Digest& digest) const;
  Result<SharedBytes> map(CacheKind kind, const Digest& digest) const;
  // Returns the files of a kind, in no order; none if there is no folder.
  Result<std::vector<CachedFile>> list(CacheKind kind) const;
  // Writes a file that survives a crash of the machine, or is absent then. Also removes leftover files, once
  // for each folder.
  Status store(CacheKind kind, const Digest& digest, ByteView content) const;
  // Returns the error that store() would return for sure.
  Status check_writable(CacheKind kind, const Digest& digest) const;
  // Begins a file that is written piece by piece, and gives it its name. Not synced: what a crash of the
  // machine tears has to be found out by its reader.
  Result<NewCacheFile> create(CacheKind kind, const Digest& digest) const;
  Status publish(NewCacheFile& file, const Digest& digest) const;
  // Marks a file under the budget as used now. Returns false if it was removed since it was opened.
  static bool use(int fd);
  // Removes the file, whatever it holds. Returns its size in bytes, nothing if there was none.
  Result<std::optional<std::uint64_t>> remove(CacheKind kind, const Digest& digest) const;
  // Removes leftover files, and then the files under the budget that were used the longest time ago, until
  // the others, with those that are being written, take at most `budget` bytes.
  void make_room(std::uint64_t budget) const;

  // Opens one of the files named above for reading. Errc::not_found.
  Result<UniqueFd> open_file(const std::string& name) const;
  // The directory itself, for these files. create_root() makes it, 0700, if it is missing.
  Result<std::shared_ptr<const UniqueFd>> open_root() const;
  Result<std::shared_ptr<const UniqueFd>> create_root() const;

 private:
  using Handle = std::shared_ptr<const UniqueFd>;
  struct Survey;

  Result<Handle> open_root(IfMissing if_missing) const;
  Result<Handle> folder(CacheKind kind, std::string_view algorithm, IfMissing if_missing) const;
  std::string folder_path(CacheKind kind, std::string_view algorithm) const;
  Handle usable_handle(const std::string& path) const;
  void tidy(CacheKind kind, std::string_view algorithm, const Handle& folder) const;
  Result<Survey> survey(CacheKind kind) const;

  const std::string path_;
  // Folders that are open, by path: checked again with each use, for they may be removed meanwhile.
  mutable Guarded<std::map<std::string, Handle>> handles_;
  mutable Guarded<std::set<std::string>> tidied_;  // folders whose leftover files were removed
};

}  // namespace layoutfs
