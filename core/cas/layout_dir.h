// The directory of a layout: its handle, its lock, and how what is in it is opened and listed.
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

// How files and folders are opened for reading. Where no LayoutDir opens them, no symlink is followed.
inline constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
inline constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// Held until it is destroyed.
class LayoutLock {
 public:
  explicit LayoutLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;  // closing it gives the lock back
};

// Immutable; shared by all parts of an engine.
class LayoutDir {
 public:
  LayoutDir(UniqueFd root, std::string path, bool is_durable, LinkPolicy links = LinkPolicy::beneath);

  int fd() const noexcept { return root_.get(); }
  // As it was given.
  const std::string& path() const noexcept { return path_; }
  bool is_durable() const noexcept { return is_durable_; }
  LinkPolicy links() const noexcept { return links_; }

  // openat(2) of a path in the layout, without O_CREAT. Symlinks that stay in the layout are followed, and
  // with LinkPolicy::anywhere the others too: a layout from elsewhere must not make files outside of it
  // readable. Errc::invalid_image if a link leaves the layout or goes round in a circle; Errc::not_found,
  // without an errno, if a link leads to nothing.
  Result<UniqueFd> open(const std::string& path, int flags) const;
  // As open(), whatever the policy, of a folder in which something is to be removed: a link that leaves the
  // layout leads to what is not the layout's.
  Result<UniqueFd> open_own(const std::string& path, int flags) const;

  // Waits for the layout's lock, flock(2) on the root directory: it excludes threads of this process too.
  // Where the file system has no locks on directories, on the file `.layoutfs.lock` in it.
  // Errc::cancelled once `context` has ended.
  Result<LayoutLock> lock_shared(const Context& context = {}) const;
  Result<LayoutLock> lock_exclusive(const Context& context = {}) const;

  // fsync of a file, where the engine is durable.
  Status sync(int fd, std::string_view what) const;
  // syncfs of the layout's file system: all that was written so far.
  Status sync_everything() const;
  // fsync of a directory, so that the names in it are on disk. `folder` may be a handle of O_PATH.
  Status sync_names(int folder, std::string_view what) const;

 private:
  Result<LayoutLock> lock(int operation, const Context& context) const;

  UniqueFd root_;  // O_PATH: reading a layout takes no permission to list it
  std::string path_;
  std::string absolute_path_;  // when it was opened; may be empty
  bool is_durable_;
  LinkPolicy links_;
};

// flock(2) until it succeeds or fails for another reason than a signal; the errno, 0 for success.
int lock_file(int fd, int operation);
// As above, while `context` lasts; Errc::cancelled then. Asks again and again, at last every 20 ms, if the
// context can end: flock(2) itself waits without an end.
Result<int> lock_file(int fd, int operation, const Context& context);

// "NAME: not a regular file", whatever errno the kernel gives for a wrong type.
Error wrong_type(std::string_view name);
bool is_wrong_type(const Error& error);

// Whether a symlink of that name is in the folder.
bool is_link(int folder, const std::string& name) noexcept;
// Whether a regular file, or a symlink to one in the same directory tree, has that name in the directory.
Result<bool> has_file_beneath(int directory, const char* name);

// A file or directory that a layout cannot be without. Errc::invalid_image where it is missing or of another
// type.
Result<UniqueFd> open_required(const LayoutDir& layout, const char* name, int flags);
// All of such a file.
Result<Bytes> read_required(const LayoutDir& layout, const char* name, std::size_t limit);

// Makes a directory and those above it, where they are missing; with `is_durable` their names are on disk
// then.
Status make_folders(const std::string& path, bool is_durable);

// unlinkat(2) of a file. Whether it was there: what is not there needs no permission to go, nor media that
// can be written.
Result<bool> remove_file(int folder, const std::string& name);

// rename(2) to a name that nothing has yet. 0, or the errno: EEXIST where something has it. Some file systems
// cannot look and rename in one step: only who keeps others from taking the name is safe there.
int rename_new(int from, const std::string& old_name, int to, const std::string& name);

// Nanoseconds since 1970.
std::int64_t to_ns(const timespec& time) noexcept;
std::int64_t now_ns() noexcept;

// Whether a file or a directory may change once more without any of its times showing it.
bool is_fresh(const struct stat& found) noexcept;

// What tells whether a file or a directory has changed since it was read.
class FileState {
 public:
  FileState() = default;  // of nothing that was read
  // `found` is what it is now, before it is read.
  explicit FileState(const struct stat& found) noexcept;
  // Whether it was read and is the same, `found` being what it is now. False where it may have changed
  // without any of its times showing it.
  bool is_still(const struct stat& found) const noexcept;

 private:
  std::array<std::int64_t, 5> marks_{};
  bool is_settled_ = false;
};

// The entries of a directory but "." and "..", in no order; `type` is DT_REG, DT_DIR, ... The error names
// `what`; that of `visit` ends it.
// Errc::cancelled once `context` has ended.
using EntryVisitor = std::function<Status(const char* name, unsigned char type)>;
Status for_each_entry(UniqueFd folder, const std::string& what, const EntryVisitor& visit,
                      const Context& context = {});

}  // namespace layoutfs
