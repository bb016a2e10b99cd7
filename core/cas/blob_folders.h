// Keeps the folders `blobs/<algorithm>` of a layout open, so that opening a blob takes one openat(2).
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

// For readers only. Writers open folders themselves, so that they never change a folder that has been
// renamed. Thread-safe.
//
// A handle can outlive the name of its folder. If a lookup through a handle fails, the name is resolved
// again, so a folder that was removed and created again is noticed at once. A folder that was moved away with
// its blobs is noticed after kLongestUse; until then its blobs are still found, with the right content.
class BlobFolders {
 public:
  static constexpr std::chrono::seconds kLongestUse{1};
  // For all layouts of the process together. Other folders are opened each time, which leaves file
  // descriptors to programs that open hundreds of layouts.
  static constexpr int kMostKept = 256;

  // `layout` must outlive this.
  explicit BlobFolders(const LayoutDir& layout) : layout_(layout) {}
  BlobFolders(const BlobFolders&) = delete;
  BlobFolders& operator=(const BlobFolders&) = delete;
  ~BlobFolders();

  // Returns the result of look(fd), a Result or a Status; `fd` is an O_PATH handle of the folder. Calls it
  // again if it fails with ENOENT or ESTALE and the name now belongs to another folder. Errors of opening the
  // folder are those of open_blob_folder().
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

// Returns the path of a folder in the layout.
std::string blob_folder_path(std::string_view name);
// Opens a folder in `blobs/`. Errc::not_found if it does not exist. Errc::invalid_image if it is not a
// directory.
Result<UniqueFd> open_blob_folder(const LayoutDir& layout, const std::string& name, int flags = kFolderFlags);

}  // namespace layoutfs
