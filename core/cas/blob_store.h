// The blobs of a layout in a directory: `blobs/<algorithm>/<hex>`.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "core/cas/blob_folders.h"
#include "core/cas/layout_dir.h"
#include "core/cas/workspace.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// A file on the layout's file system that will become a blob.
struct StagedFile {
  int fd;
  int folder;        // the directory of the file
  const char* name;  // name in `folder`
  // Whether the file may have both names for a moment or after a crash: link(2) replaces nothing on any file
  // system. Otherwise it is renamed under the layout's lock.
  bool is_linked;
};

// Verified content in a temporary file, which the destructor removes.
struct StagedBlob {
  TempFile file;
  PutResult put;
};

// open_blob_folder(), but creates a missing folder.
Result<UniqueFd> open_or_make_blob_folder(const LayoutDir& layout, const std::string& name);

// Thread-safe. Digests must not be empty.
class BlobStore {
 public:
  // Both must outlive this.
  BlobStore(const LayoutDir& layout, Workspace& workspace)
      : layout_(layout), workspace_(workspace), folders_(layout) {}

  Result<BlobPtr> open(const Digest& digest) const;
  Result<std::optional<BlobStatus>> status(const Digest& digest) const;
  // Includes symlinks, and records their targets for status().
  Result<std::vector<Digest>> list(Algorithm algorithm, const Context& context) const;
  std::int64_t listing_ns(Algorithm algorithm) const;
  // Returns whether copy() would share blocks with `blob`.
  bool can_clone(const Blob& blob) const;
  Result<PutResult> put(ByteSource& content, const PutOptions& options);
  Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options);
  // put() and copy() without the last step: the file is not a blob yet, and need not be on disk.
  Result<StagedBlob> stage(ByteSource& content, const PutOptions& options);
  Result<StagedBlob> stage_copy(const BlobPtr& blob, const PutOptions& options);
  // install() for all of them, in order, with one wait for the disk.
  Status install_all(std::span<StagedBlob> blobs, const Context& context);
  // Turns a hashed file into a blob. Keeps an existing intact blob and replaces a damaged one. If it returns
  // success, the blob is on disk.
  Status install(const StagedFile& file, const PutResult& put, const Context& context);
  // Returns whether the blob existed. If it is a symlink, removes the link. Errc::invalid_image if the folder
  // is a symlink that leaves the layout.
  Result<bool> erase(const Digest& digest);

 private:
  using FileId = std::pair<dev_t, ino_t>;

  Result<UniqueFd> open_folder(Algorithm algorithm) const;
  // Open the file of a blob, through symlinks: by its path, and by the handle of its folder.
  Result<UniqueFd> open_path(const Digest& digest, int flags) const;
  Result<UniqueFd> open_to_read(const Digest& digest) const;
  Result<BlobStatus> link_status(const Digest& digest, const struct stat& link) const;
  std::set<FileId> targets_of(Algorithm algorithm, const std::vector<std::string>& links) const;
  // Clones the blob's content into an empty file if the file system supports it.
  bool clone(const Blob& blob, int fd) const;
  // Writes `content` to the file and verifies it.
  Result<StagedBlob> fill(TempFile file, ByteSource& content, const PutOptions& options) const;
  // Gives the file its name in `folder`, or keeps an existing blob.
  Status name(const StagedFile& file, int folder, const PutResult& put, const Context& context);
  // Returns whether the blob exists with this content, on disk, and with a new time, so that a sweep treats
  // it as new. `file` has the same content; it replaces a damaged blob, and a symlink to any other content.
  Result<bool> keep(const StagedFile& file, int folder, const PutResult& put, const Context& context) const;
  Result<bool> keep_link(const StagedFile& file, int folder, const PutResult& put,
                         const Context& context) const;

  // Renames `file` to the blob `damaged`. Returns false if the name is gone or belongs to another file now.
  Result<bool> replace(const StagedFile& file, int folder, const Digest& digest, const struct stat& damaged,
                       const Context& context) const;

  const LayoutDir& layout_;
  Workspace& workspace_;
  const BlobFolders folders_;
  mutable std::atomic<bool> may_clone_ = true;  // false if the file system has refused
  // The targets of symlinks in the last listing, by algorithm.
  mutable Guarded<std::map<Algorithm, std::set<FileId>>> link_targets_;
};

}  // namespace layoutfs
