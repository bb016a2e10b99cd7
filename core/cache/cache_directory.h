// The cache directory. It alone knows file names, permissions, leftover files and the budget.
//
//   DIRECTORY/                          0700
//     layers/ALGORITHM/HEX              index of a layer, by the digest of its blob
//     layer-trees/ALGORITHM/HEX         tree of a single layer, shown without the others
//     images/ALGORITHM/HEX              tree of an image, by the digest of its manifest
//     stacks/ALGORITHM/HEX              tree of the lowest layers of images, by the digest of their list
//     tar-split/ALGORITHM/HEX           how to rebuild the tar of the topmost of these layers
//     erofs/ALGORITHM/HEX               EROFS metadata of an image, for a mount by Linux
//     erofs-files/ALGORITHM/HEX         the same for one file with metadata and content
//     layer-erofs/ALGORITHM/HEX         the same for the file of a single layer
//     decoded/ALGORITHM/HEX             decoded copy of a layer, by the digest of its blob
//     remote/ALGORITHM/HEX              a blob of a registry, complete and proven by its digest
//     remote-ranges/ALGORITHM/HEX       ranges of a blob of a registry
//     blob-info, blob-info.lock         known locations of blobs
//     .../.tmp-0123456789abcdef         an unfinished file, possibly of a killed writer
//
// A table in cache_directory.cc has a row for each kind of files: its folder, and the budget for which it
// counts. All files can be rebuilt, so invalid ones are removed instead of repaired. Their content determines
// the content of mounted images, so only files that nobody except this user and root could have written are
// opened.
//
// Several processes may use one directory at the same time. A file appears complete, by rename, and stays
// readable for processes that have it open when it is removed or replaced.
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

enum class CacheKind : std::uint8_t {
  layer_index,
  layer_tree,
  image_tree,
  stack_tree,
  tar_split,
  erofs,
  erofs_file,
  layer_erofs,
  decoded_copy,
  remote_blob,
  remote_ranges,
};
inline constexpr std::array kCacheKinds = {
    CacheKind::layer_index,  CacheKind::layer_tree,  CacheKind::image_tree,   CacheKind::stack_tree,
    CacheKind::tar_split,    CacheKind::erofs,       CacheKind::erofs_file,   CacheKind::layer_erofs,
    CacheKind::decoded_copy, CacheKind::remote_blob, CacheKind::remote_ranges};
// Returns the name of the folder.
std::string_view name_of(CacheKind kind) noexcept;

// The kinds of files that are removed, least recently used first, if together they exceed a limit.
enum class CacheBudget : std::uint8_t { none, decoded_copies, remote_blobs };

// Files in the directory itself.
inline constexpr const char* kBlobInfoFile = "blob-info";
inline constexpr const char* kBlobInfoLockFile = "blob-info.lock";

// A file that is written piece by piece under a temporary name. The destructor removes it unless it was
// published. A lock (flock) on it tells other processes that its writer is alive.
class NewCacheFile {
 public:
  NewCacheFile(NewCacheFile&& other) noexcept = default;
  NewCacheFile& operator=(NewCacheFile&&) = delete;
  ~NewCacheFile();
  // Returns another handle of the file, for reading and writing.
  Result<UniqueFd> file() const;

 private:
  friend class CacheDirectory;
  NewCacheFile(std::shared_ptr<const UniqueFd> folder, std::string name, UniqueFd fd)
      : folder_(std::move(folder)), name_(std::move(name)), fd_(std::move(fd)) {}
  std::shared_ptr<const UniqueFd> folder_;  // null after publication
  std::string name_;
  UniqueFd fd_;
};

struct CachedFile {
  std::string name;       // the digest in hex
  std::string algorithm;  // of the digest
  std::uint64_t size;     // in bytes; of a sparse file, its use of the disk
  std::int64_t used_ns;   // since 1970; last use() of files under a budget, otherwise the time of writing
};

// Thread-safe. Keeps handles of the folders open, so opening a file costs one openat(2) and one fstat(2).
// Errors of all functions name the path. Errc::invalid_argument if others could have written the file or a
// directory of its path.
class CacheDirectory {
 public:
  // Does not access the directory yet. `path` is not empty.
  explicit CacheDirectory(std::string path);

  // Returns $LAYOUTFS_CACHE_DIR, or /var/cache/layoutfs for root, or $XDG_CACHE_HOME/layoutfs, or
  // ~/.cache/layoutfs, the first one that is defined; "" if none is.
  static std::string default_path();
  const std::string& path() const noexcept { return path_; }

  // Open a file for reading, or map it. Errc::not_found if it does not exist.
  Result<UniqueFd> open(CacheKind kind, const Digest& digest) const;
  // Opens a file for reading and writing. Only for kinds whose readers expect changes.
  Result<UniqueFd> open_for_update(CacheKind kind, const Digest& digest) const;
  Result<SharedBytes> map(CacheKind kind, const Digest& digest) const;
  // Returns the files of a kind, in no particular order; none if there is no folder.
  Result<std::vector<CachedFile>> list(CacheKind kind) const;
  // Writes a file that is complete or absent after a crash. Also removes leftover files, once per folder.
  Status store(CacheKind kind, const Digest& digest, ByteView content) const;
  // Returns an error if store() would certainly fail.
  Status check_writable(CacheKind kind, const Digest& digest) const;
  // Starts a file that is written piece by piece, and gives it its name. It is not synced: readers must
  // detect content that a crash has damaged.
  Result<NewCacheFile> create(CacheKind kind, const Digest& digest) const;
  Status publish(NewCacheFile& file, const Digest& digest) const;
  // Like publish(), but replaces nothing: Errc::already_exists.
  Status publish_new(NewCacheFile& file, const Digest& digest) const;
  // Moves the open file `fd` of kind `from` to kind `to`, unless that already has one for `digest`. `from`
  // then has no file for it. Errc::not_found if the file has been removed.
  Status move(int fd, CacheKind from, CacheKind to, const Digest& digest) const;
  // Marks a file under a budget as used now. Returns false if it has been removed.
  static bool use(int fd);
  // Removes the file, even if it is invalid. Returns CachedFile::size, nullopt if it did not exist.
  Result<std::optional<std::uint64_t>> remove(CacheKind kind, const Digest& digest) const;
  // Removes leftover files, then the least recently used files under `budget`, until the rest, including
  // unfinished files, takes at most `limit` bytes.
  void make_room(CacheBudget budget, std::uint64_t limit) const;

  // Opens a file of the directory itself for reading. Errc::not_found if it does not exist.
  Result<UniqueFd> open_file(const std::string& name) const;
  // The directory itself, for these files. create_root() creates it (0700) if it is missing.
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
  Result<UniqueFd> open(CacheKind kind, const Digest& digest, int flags) const;
  Result<Survey> survey(CacheKind kind) const;

  const std::string path_;
  // Open folders by path. Checked on each use, because they may be removed at any time.
  mutable Guarded<std::map<std::string, Handle>> handles_;
  mutable Guarded<std::set<std::string>> tidied_;  // folders without leftover files
};

}  // namespace layoutfs
