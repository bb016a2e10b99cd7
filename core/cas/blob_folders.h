// The folders of a layout's blobs, `blobs/<algorithm>`, kept open: a blob is opened by one openat(2).
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <memory>

#include "core/base/file.h"
#include "core/base/guarded.h"
#include "core/cas/layout_dir.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// For readers: what writes to a folder or removes from it opens it itself, so that it is never a folder that
// has lost its name. Thread-safe.
//
// A handle can outlive the name of its folder. If something is not found behind a handle, the name is looked
// up again, so a folder that was removed and made again is noticed at once. A folder that was moved away with
// its blobs in it is noticed after kLongestUse: until then its blobs are found, which have the right content
// wherever they are.
class BlobFolders {
 public:
  static constexpr std::chrono::seconds kLongestUse{1};
  // Of all layouts of the process together. Folders beyond are opened each time: a program with hundreds of
  // layouts open keeps its file descriptors for them.
  static constexpr int kMostKept = 256;

  // `layout` must outlive this.
  explicit BlobFolders(const LayoutDir& layout) : layout_(layout) {}
  BlobFolders(const BlobFolders&) = delete;
  BlobFolders& operator=(const BlobFolders&) = delete;
  ~BlobFolders();

  // Returns the result of look(fd), a Result or a Status, `fd` being an O_PATH handle of the folder. Looks
  // once more if that fails with ENOENT or ESTALE and another folder has taken the name. Errors of opening
  // the folder are those of open_blob_folder().
  template <class Look>
  auto find(Algorithm algorithm, Look&& look) const -> decltype(look(0)) {
    auto folder = get(algorithm);
    if (!folder) return fail(std::move(folder).error());
    auto found = look((*folder)->fd.get());
    if (found || (found.error().sys() != ENOENT && found.error().sys() != ESTALE)) return found;
    if (has_its_name(algorithm, **folder)) return found;
    folder = open(algorithm);
    if (!folder) return fail(std::move(folder).error());
    return look((*folder)->fd.get());
  }

 private:
  struct Folder {
    UniqueFd fd;
    dev_t device;
    ino_t inode;
    std::chrono::steady_clock::time_point opened;
  };
  using FolderPtr = std::shared_ptr<const Folder>;

  Result<FolderPtr> get(Algorithm algorithm) const;
  Result<FolderPtr> open(Algorithm algorithm) const;
  void keep(Algorithm algorithm, FolderPtr folder) const;
  bool has_its_name(Algorithm algorithm, const Folder& folder) const;

  const LayoutDir& layout_;
  mutable Guarded<std::map<Algorithm, FolderPtr>> folders_;
};

// The path of a folder in the layout.
std::string blob_folder_path(std::string_view name);
// A folder in `blobs/`. Errc::not_found; Errc::invalid_image if it is not a directory.
Result<UniqueFd> open_blob_folder(const LayoutDir& layout, const std::string& name, int flags = kFolderFlags);

}  // namespace layoutfs
