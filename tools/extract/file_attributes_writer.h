// Sets the owners, modes, xattrs and times of written files to those in the image.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/image/file_attributes.h"
#include "core/image/image_tree.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct WriterOptions {
  bool are_owners_kept = false;  // else files belong to the caller and lose their set-id bits
  bool is_root = false;          // only root may set xattrs outside user.*
};

// Thread-safe, except for the constructor.
class FileAttributesWriter {
 public:
  // `tree` must outlive this. The constructor reads the umask by changing it; no other thread may create
  // files meanwhile.
  FileAttributesWriter(const ImageTree& tree, const WriterOptions& options, gid_t inherited_group);

  // Returns the mode for the creation of a file: that in the image without set-id bits. The umask applies
  // too.
  mode_t creation_mode(const InodeView& inode) const { return mode_of(inode) & 0777; }
  // Sets the attributes of an open regular file or directory. With `is_movable`, its owner gets all
  // permissions, so that it can be moved.
  Status apply(int fd, const InodeView& inode, bool is_movable = false) const;
  // Sets the attributes of any other new file in `directory`.
  Status apply_at(int directory, const std::string& name, const InodeView& inode) const;
  // Returns the permission bits of the written file.
  mode_t mode_of(const InodeView& inode) const;

 private:
  bool needs_owner(const InodeView& inode) const;
  // Calls `set` with each name and value.
  template <class Set>
  Status set_xattrs(const InodeView& inode, Set set) const;

  const FileAttributes attributes_;
  const WriterOptions options_;
  const uid_t uid_;
  const gid_t gid_;  // group of new files
  const mode_t umask_;
};

}  // namespace layoutfs::tools
