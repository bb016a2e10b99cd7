// Gives files that were written the owners, modes, xattrs and times that they have in the image.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/image/image_tree.h"
#include "fs/tree/file_attributes.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct WriterOptions {
  bool are_owners_kept = false;  // else files belong to the caller, and lose their set-id bits
  bool is_root = false;          // who may set xattrs beyond user.*
};

// Thread-safe, but for its creation.
class FileAttributesWriter {
 public:
  // `tree` must outlive this. Reads the umask, so no other thread may create files meanwhile.
  FileAttributesWriter(const ImageTree& tree, const WriterOptions& options, gid_t inherited_group);

  // The mode to create a file with: at most that of the image, and all of it but set-id bits if the umask
  // allows.
  mode_t creation_mode(const InodeView& inode) const { return mode_of(inode) & 0777; }
  // A regular file, or a directory, that is open. A directory that is not the caller's to write otherwise
  // keeps its owner's bits with `is_movable`.
  Status apply(int fd, const InodeView& inode, bool is_movable = false) const;
  // Anything else, which was created in `directory` a moment ago.
  Status apply_at(int directory, const std::string& name, const InodeView& inode) const;
  // The permission bits that a file gets.
  mode_t mode_of(const InodeView& inode) const;

 private:
  bool needs_owner(const InodeView& inode) const;
  // `set` is called with name and value.
  template <class Set>
  Status set_xattrs(const InodeView& inode, Set set) const;

  const FileAttributes attributes_;
  const WriterOptions options_;
  const uid_t uid_;
  const gid_t gid_;  // that new files get
  const mode_t umask_;
};

}  // namespace layoutfs::tools
