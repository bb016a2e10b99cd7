// The directory of a layout: its handle, its lock, and the rules for opening and listing files in it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/beneath.h"
#include "core/base/file.h"
#include "layoutfs/context.h"

namespace layoutfs {

inline constexpr const char* kMarkerFile = "oci-layout";
inline constexpr const char* kIndexFile = "index.json";
inline constexpr const char* kBlobsFolder = "blobs";
inline constexpr const char* kRefsFolder = "refs";

// Flags for opening files and folders to read. Without a LayoutDir, symlinks are not followed.
inline constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
inline constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// Released by the destructor.
class LayoutLock {
 public:
  explicit LayoutLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;  // closing it releases the lock
};

// Immutable. Shared by all parts of an engine.
class LayoutDir {
 public:
  LayoutDir(UniqueFd root, std::string path, bool is_durable, LinkPolicy links = LinkPolicy::beneath);

  int fd() const noexcept { return root_.get(); }
  // Returns the path as given by the caller.
  const std::string& path() const noexcept { return path_; }
  bool is_durable() const noexcept { return is_durable_; }
  LinkPolicy links() const noexcept { return links_; }

  // openat(2) of a path in the layout, without O_CREAT. Follows symlinks that stay in the layout, and all
  // others only with LinkPolicy::anywhere: an untrusted layout must not make other files readable.
  // Errc::invalid_image if a link leaves the layout or is circular. Errc::not_found, without an errno, if a
  // link is dangling.
  Result<UniqueFd> open(const std::string& path, int flags) const;
  // Like open(), but never follows links that leave the layout. For folders in which files are removed: files
  // outside do not belong to the layout.
  Result<UniqueFd> open_own(const std::string& path, int flags) const;

  // Waits for the layout's lock: flock(2) on the root directory, which also excludes other threads of this
  // process. If the file system cannot lock directories, locks the file `.layoutfs.lock`. Errc::cancelled if
  // `context` ends.
  Result<LayoutLock> lock_shared(const Context& context = {}) const;
  Result<LayoutLock> lock_exclusive(const Context& context = {}) const;

  // fsync of a file if the engine is durable.
  Status sync(int fd, std::string_view what) const;
  // syncfs of the layout's file system: everything written so far.
  Status sync_everything() const;
  // fsync of a directory, so that its entries are on disk. `folder` may be an O_PATH handle.
  Status sync_names(int folder, std::string_view what) const;

 private:
  Result<LayoutLock> lock(int operation, const Context& context) const;

  UniqueFd root_;  // O_PATH: reading a layout needs no permission to list it
  std::string path_;
  std::string absolute_path_;  // at the time of opening; may be empty
  bool is_durable_;
  LinkPolicy links_;
};

// Repeats flock(2) while signals interrupt it. Returns 0 or the errno.
int lock_file(int fd, int operation);
// The same until `context` ends; then Errc::cancelled. If the context can end, polls with increasing
// intervals up to 20 ms, because flock(2) itself has no timeout.
Result<int> lock_file(int fd, int operation, const Context& context);

// Returns "NAME: not a regular file", independent of the kernel's errno for a wrong type.
Error wrong_type(std::string_view name);
bool is_wrong_type(const Error& error);

// Returns whether the folder has a symlink of that name.
bool is_link(int folder, const std::string& name) noexcept;
// Returns whether the directory has a regular file of that name, or a symlink to one in the same tree.
Result<bool> has_file_beneath(int directory, const char* name);

// Opens a required file or directory of a layout. Errc::invalid_image if it is missing or has another type.
Result<UniqueFd> open_required(const LayoutDir& layout, const char* name, int flags);
// Reads all of a required file.
Result<Bytes> read_required(const LayoutDir& layout, const char* name, std::size_t limit);

// Creates a directory and its missing parents. If `is_durable`, waits until their names are on disk.
Status make_folders(const std::string& path, bool is_durable);

// unlinkat(2) of a file. Returns whether it existed. A missing file is not an error, even without permission
// or on read-only media.
Result<bool> remove_file(int folder, const std::string& name);

// rename(2) to a new name. Returns 0 or the errno; EEXIST if the name exists. On some file systems the check
// and the rename are not atomic; there the caller must prevent others from taking the name.
int rename_new(int from, const std::string& old_name, int to, const std::string& name);

// Returns nanoseconds since 1970.
std::int64_t to_ns(const timespec& time) noexcept;
std::int64_t now_ns() noexcept;

// Returns whether a file or a directory is so new that another change may leave its times unchanged.
bool is_fresh(const struct stat& found) noexcept;

// Detects changes of a file or directory since it was read.
class FileState {
 public:
  FileState() = default;  // of a file that was not read
  // `found` is its status before it is read.
  explicit FileState(const struct stat& found) noexcept;
  // Returns whether it was read and is unchanged; `found` is its current status. Returns false if a change
  // may have left its times unchanged.
  bool is_still(const struct stat& found) const noexcept;

 private:
  std::array<std::int64_t, 5> marks_{};
  bool is_settled_ = false;
};

// Visits the entries of a directory except "." and "..", in no particular order; `type` is DT_REG, DT_DIR,
// ... If `visit` fails, returns its error. Other errors name `what`. Errc::cancelled if `context` has ended.
using EntryVisitor = std::function<Status(const char* name, unsigned char type)>;
Status for_each_entry(UniqueFd folder, const std::string& what, const EntryVisitor& visit,
                      const Context& context = {});

}  // namespace layoutfs
