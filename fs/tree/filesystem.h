// Answers about the tree that a mount shows: inodes, by number, with errno values as errors. A front end,
// such as fs/fuse, asks on behalf of the programs that use the mount.
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

// The number of an inode (st_ino): unique within the mount, the same in the next one.
using InodeNumber = std::uint64_t;
inline constexpr InodeNumber kRootNumber = 1;

// A value, or the errno that the system call ends with. Misses are frequent here: no text, no allocation.
template <class T>
using Answer = Expected<T, int>;

// For how long an answer holds that never changes.
inline constexpr std::chrono::duration<double> kForever{365.0 * 86400};

struct Attributes {
  struct stat stat;
  std::chrono::duration<double> valid;
};

// What a name in a directory leads to.
struct LookupResult {
  InodeNumber inode;  // 0: nothing, and that may be remembered as long as `valid`
  Attributes attributes;
  std::chrono::duration<double> valid;  // of the name
};

// What a front end has remembered of the answers, in the kernel for example.
class AnswerCache {
 public:
  virtual ~AnswerCache() = default;
  // The name is looked up again. What is mounted below it may be unmounted by that.
  virtual void invalidate_name(InodeNumber directory, std::string_view name) = 0;
  // The attributes are asked for again, and a directory is listed again if they differ.
  virtual void invalidate_attributes(InodeNumber inode) = 0;
};

// Thread-safe.
//
// What a front end does:
// - References: each successful lookup() whose `inode` is not 0 is a reference to that inode. The front end
//   counts them, and gives them back by forget(). An inode is answered for until all are given back; the root
//   needs none. readdir() gives no references.
// - Remembering: names and attributes may be remembered as long as they are `valid`; file content as long as
//   its inode is referenced, since other content is another inode; a directory's listing while its mtime is
//   the same.
// - Invalidation: while changes_fd() is readable, one thread, which answers nothing, asks has_changed(), and
//   if so calls invalidate_changed().
// - Ending early: each call may take as long as decoding a whole layer. If nobody waits for the answer any
//   more, the front end requests a stop by the call's context; the call then ends with EINTR. Other calls
//   that wait for the same work are not affected.
// - Access is left to the front end: it compares modes, owners and ACLs with the rights of the caller, and
//   hides `trusted.*` from those who may not read it.
class Filesystem {
 public:
  virtual ~Filesystem() = default;
  virtual Answer<LookupResult> lookup(InodeNumber directory, std::string_view name,
                                      const Context& context = {}) = 0;
  virtual void forget(InodeNumber inode, std::uint64_t count) = 0;
  virtual Answer<Attributes> attributes(InodeNumber inode, const Context& context = {}) = 0;
  virtual Answer<std::string> readlink(InodeNumber inode, const Context& context = {}) = 0;
  // Appends `size` bytes from `offset` on to `out`; fewer only at the end.
  virtual Answer<void> read(InodeNumber inode, IoBuffers& out, std::size_t size, std::uint64_t offset,
                            const Context& context = {}) = 0;

  struct Listed {
    std::string_view name;
    InodeNumber inode;     // 0 if it would be costly to know
    mode_t type;           // S_IFDIR and so on
    std::uint64_t cookie;  // its position in the directory; less than 2^63
  };
  // Calls `add` for each entry after the position `cookie` (0: from the start; "." and ".." included) until
  // it returns false. The order of entries is unspecified. Positions stay valid while the directory changes,
  // and in the next mount: a reader that continues after the last position that it saw gets each entry that
  // was there all the time exactly once. Nothing has to be opened or closed. Entries with attributes can be
  // asked for by looking them up; directories whose attributes are cheap say so by has_cheap_attributes.
  virtual Answer<void> readdir(InodeNumber directory, std::uint64_t cookie,
                               const std::function<bool(const Listed&)>& add,
                               const Context& context = {}) = 0;
  // Whether looking up every child of this directory takes no decoding and little time: a front end may then
  // ask for all attributes while it lists.
  virtual bool has_cheap_attributes(InodeNumber directory) = 0;
  virtual Answer<std::string> getxattr(InodeNumber inode, std::string_view name,
                                       const Context& context = {}) = 0;
  virtual Answer<std::vector<std::string>> listxattr(InodeNumber inode, const Context& context = {}) = 0;
  // Whether the front end should enforce POSIX ACLs: it then asks for the ACLs of each file.
  virtual bool wants_acls() const { return false; }
  // Whether it does; called before the first other call. By default it does not.
  virtual void set_acls_enforced(bool /*are_enforced*/) {}
  // SEEK_DATA and SEEK_HOLE of lseek(2).
  virtual Answer<std::uint64_t> seek(InodeNumber inode, std::uint64_t offset, int whence,
                                     const Context& context = {}) = 0;
  // For statvfs(3).
  struct Totals {
    std::uint64_t bytes, inodes;
  };
  virtual Totals totals() = 0;

  // Polls readable when answers may no longer hold; -1: they always hold, or nothing tells.
  virtual int changes_fd() const { return -1; }
  // Whether that is so. Called by one thread at a time, as invalidate_changed() is.
  virtual bool has_changed() { return false; }
  // Invalidates the answers that no longer hold. A front end may wait for other answers meanwhile: never
  // called by a thread that answers.
  virtual void invalidate_changed(AnswerCache& /*cache*/) {}
};

}  // namespace layoutfs
