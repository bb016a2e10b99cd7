// The interface of a mount's tree: inodes by number, with errno values as errors. A front end, such as
// fs/fuse, calls it for programs that use the mount.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/io_buffers.h"
#include "layoutfs/context.h"
#include "layoutfs/expected.h"

namespace layoutfs {

// The number of an inode (st_ino): unique in the mount, and equal in the next one.
using InodeNumber = std::uint64_t;
inline constexpr InodeNumber kRootNumber = 1;

// A value, or the errno of the system call. Misses are frequent, so errors have no text and no allocation.
template <class T>
using Answer = Expected<T, int>;

// The validity of an answer that never changes.
inline constexpr std::chrono::duration<double> kForever{365.0 * 86400};

struct Attributes {
  struct stat stat;
  std::chrono::duration<double> valid;
};

// The result of looking up a name in a directory.
struct LookupResult {
  InodeNumber inode;  // 0: the name does not exist, which may be cached while `valid`
  Attributes attributes;
  std::chrono::duration<double> valid;  // of the name
};

// The front end's cache of answers, for example in the kernel.
class AnswerCache {
 public:
  virtual ~AnswerCache() = default;
  // Drops the name. This may unmount a mount below it.
  virtual void invalidate_name(InodeNumber directory, std::string_view name) = 0;
  // Drops the attributes, and the listing of a directory if they differ.
  virtual void invalidate_attributes(InodeNumber inode) = 0;
};

// Thread-safe.
//
// Duties of a front end:
// - References: each successful lookup() with an `inode` other than 0 is a reference to that inode. The front
//   end counts them and returns them with forget(). An inode is valid until all references are returned; the
//   root needs none. readdir() gives no references.
// - Caching: names and attributes may be cached while they are `valid`; file content while its inode is
//   referenced, since changed content is another inode; the listing of a directory while its mtime is
//   unchanged.
// - Invalidation: if changes_fd() is readable, one thread, which answers no requests, calls has_changed()
//   and, if it returns true, invalidate_changed().
// - Cancellation: each call may take as long as decoding a whole layer. If the answer is no longer needed,
//   the front end requests a stop through the call's context, and the call fails with EINTR. Other calls that
//   wait for the same work are not affected.
// - Access checks: the front end compares modes, owners and ACLs with the rights of the caller, and hides
//   `trusted.*` from callers that may not read it.
class Filesystem {
 public:
  virtual ~Filesystem() = default;
  virtual Answer<LookupResult> lookup(InodeNumber directory, std::string_view name,
                                      const Context& context = {}) = 0;
  virtual void forget(InodeNumber inode, std::uint64_t count) = 0;
  virtual Answer<Attributes> attributes(InodeNumber inode, const Context& context = {}) = 0;
  virtual Answer<std::string> readlink(InodeNumber inode, const Context& context = {}) = 0;
  // Appends `size` bytes, starting at `offset`, to `out`; fewer only at the end.
  virtual Answer<void> read(InodeNumber inode, IoBuffers& out, std::size_t size, std::uint64_t offset,
                            const Context& context = {}) = 0;

  struct Listed {
    std::string_view name;
    InodeNumber inode;     // 0 if it would be expensive to determine
    mode_t type;           // S_IFDIR and so on
    std::uint64_t cookie;  // position in the directory; less than 2^63
  };
  // Calls `add` for each entry after the position `cookie` (0: the start; includes "." and "..") until it
  // returns false. The order is unspecified. Positions stay valid while the directory changes, and in the
  // next mount: a reader that continues after its last position gets each entry that was present all the time
  // exactly once. There is nothing to open or close. Attributes of entries are available by lookup(); see
  // has_cheap_attributes.
  virtual Answer<void> readdir(InodeNumber directory, std::uint64_t cookie,
                               const std::function<bool(const Listed&)>& add,
                               const Context& context = {}) = 0;
  // Returns whether looking up every child of this directory needs no decoding and little time: a front end
  // may then request all attributes while it lists.
  virtual bool has_cheap_attributes(InodeNumber directory) = 0;
  virtual Answer<std::string> getxattr(InodeNumber inode, std::string_view name,
                                       const Context& context = {}) = 0;
  virtual Answer<std::vector<std::string>> listxattr(InodeNumber inode, const Context& context = {}) = 0;
  // Returns whether any inode has a label of SELinux, or may get one.
  virtual bool has_labels() const { return true; }
  // Returns whether the front end should enforce POSIX ACLs.
  virtual bool wants_acls() const { return false; }
  // Tells whether it does; called before any other call except attributes() of the root. The default is
  // false.
  virtual void set_acls_enforced(bool /*are_enforced*/) {}
  // Returns whether only the kernel itself reads files, not programs: it opens each once, and requests much
  // at a time.
  virtual bool is_for_kernel() const { return false; }
  // Returns whether the reader of a file caches its content, so that the front end should not. Requires
  // is_for_kernel().
  virtual bool is_cached_by_reader(InodeNumber /*inode*/) const { return false; }
  // SEEK_DATA and SEEK_HOLE of lseek(2).
  virtual Answer<std::uint64_t> seek(InodeNumber inode, std::uint64_t offset, int whence,
                                     const Context& context = {}) = 0;
  // For statvfs(3).
  struct Totals {
    std::uint64_t bytes, inodes;
  };
  virtual Totals totals() = 0;

  // Returns a descriptor that is readable when answers may be outdated; -1 if they never are, or if changes
  // are not detected.
  virtual int changes_fd() const { return -1; }
  // Returns whether answers are outdated. Called by one thread at a time, like invalidate_changed().
  virtual bool has_changed() { return false; }
  // Invalidates outdated answers. A front end may wait for other answers during the call, so a thread that
  // answers requests must not call it.
  virtual void invalidate_changed(AnswerCache& /*cache*/) {}
};

}  // namespace layoutfs
