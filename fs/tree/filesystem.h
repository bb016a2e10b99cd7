// What the FUSE session asks: a tree of inodes that answers with errno values.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"
#include "core/base/io_buffers.h"

namespace layoutfs {

// The kernel's number of an inode; also st_ino, so it is unique within the mount and stable over mounts.
using NodeId = std::uint64_t;
inline constexpr NodeId kRootNode = 1;

// A value, or the errno that the system call ends with. Misses are frequent here: no text, no allocation.
template <class T>
using Answer = Expected<T, int>;

// For how long the kernel need not ask again; content that never changes has kForever.
inline constexpr std::chrono::duration<double> kForever{365.0 * 86400};

struct Attributes {
  struct stat stat;
  std::chrono::duration<double> valid;
};

struct Entry {
  NodeId node;
  Attributes attributes;
  std::chrono::duration<double>
      valid;  // of the name; a miss is an Entry with node 0 where it may be remembered
};

// What the kernel remembers of a mount.
class KernelMemory {
 public:
  virtual ~KernelMemory() = default;
  // It looks the name up again. What is mounted below it is unmounted.
  virtual void forget_name(NodeId directory, std::string_view name) = 0;
  // It asks for the attributes again, and lists a directory again where those are others.
  virtual void forget_attributes(NodeId node) = 0;
};

// Thread-safe. Every successful lookup() of a node, and every one whose `add` took attributes in readdir(),
// is a reference that the kernel gives back by forget().
class Filesystem {
 public:
  virtual ~Filesystem() = default;
  virtual Answer<Entry> lookup(NodeId directory, std::string_view name) = 0;
  virtual void forget(NodeId node, std::uint64_t count) = 0;
  virtual Answer<Attributes> attributes(NodeId node) = 0;
  virtual Answer<std::string> readlink(NodeId node) = 0;
  // Appends `size` bytes from `offset` on to `out`; fewer only at the end.
  virtual Answer<void> read(NodeId node, IoBuffers& out, std::size_t size, std::uint64_t offset) = 0;

  struct Listed {
    std::string_view name;
    NodeId node;           // 0 where it would be costly to know
    mode_t type;           // S_IFDIR and so on
    std::uint64_t cookie;  // its position in the directory; less than 2^63
  };
  // Calls `add` for each entry after the position `cookie` (0: from the start; "." and ".." included) until
  // it returns false. The order of entries is unspecified. Positions stay valid while the directory changes,
  // and in the next mount: a reader that continues after the last position that it saw gets each entry that
  // was there all the time exactly once. Nothing has to be opened or closed. Entries with attributes can be
  // asked for by looking them up; directories whose attributes are cheap say so by is_cheap.
  virtual Answer<void> readdir(NodeId directory, std::uint64_t cookie,
                               const std::function<bool(const Listed&)>& add) = 0;
  // Whether looking up every child of this directory takes no decoding (READDIRPLUS is worth it).
  virtual bool is_cheap(NodeId directory) = 0;
  virtual Answer<std::string> getxattr(NodeId node, std::string_view name) = 0;
  virtual Answer<std::vector<std::string>> listxattr(NodeId node) = 0;
  // Whether the kernel should enforce POSIX ACLs: it asks for that of each file then.
  virtual bool wants_acls() const { return false; }
  // Whether it does; called before the first request. By default it does not.
  virtual void set_acls_enforced(bool /*are_enforced*/) {}
  // SEEK_DATA and SEEK_HOLE of lseek(2).
  virtual Answer<std::uint64_t> seek(NodeId node, std::uint64_t offset, int whence) = 0;
  // st_blocks, space and inode counts for statvfs(3).
  struct Totals {
    std::uint64_t bytes, inodes;
  };
  virtual Totals totals() = 0;

  // Polls readable when what was answered may no longer hold; -1: it always holds, or nothing tells.
  virtual int changes_fd() const { return -1; }
  // Whether that is so. Of one thread at a time, as is the next one.
  virtual bool has_changed() { return false; }
  // Makes the kernel forget what was answered and no longer holds. The kernel may wait for other answers
  // meanwhile: never called by a thread that answers.
  virtual void forget_changed(KernelMemory& /*kernel*/) {}
};

}  // namespace layoutfs
