// The blobs of a layout in a directory: `blobs/<algorithm>/<hex>`.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

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

// A file of the layout's file system that is to become a blob.
struct StagedFile {
  int fd;
  int folder;        // where it lies
  const char* name;  // in there
  // Whether it may have both names for a moment, or after a crash: link(2) replaces nothing on any file
  // system. Otherwise it is renamed, under the layout's lock.
  bool is_linked;
};

// Content that was verified and hashed, in a file that is removed with this.
struct StagedBlob {
  TempFile file;
  PutResult put;
};

// open_blob_folder(), which makes the folder if it is missing.
Result<UniqueFd> open_or_make_blob_folder(const LayoutDir& layout, const std::string& name);

// Thread-safe. Digests must not be empty.
class BlobStore {
 public:
  // Both must outlive this.
  BlobStore(const LayoutDir& layout, Workspace& workspace)
      : layout_(layout), workspace_(workspace), folders_(layout) {}

  Result<BlobPtr> open(const Digest& digest) const;
  Result<std::optional<BlobStatus>> status(const Digest& digest) const;
  // Symlinks too. Finds out what symlinks lead to, so that status() knows it.
  Result<std::vector<Digest>> list(Algorithm algorithm, const Context& context) const;
  std::int64_t listing_ns(Algorithm algorithm) const;
  // Whether copy() shares blocks with this one.
  bool can_clone(const Blob& blob) const;
  Result<PutResult> put(ByteSource& content, const PutOptions& options);
  Result<PutResult> copy(const BlobPtr& blob, const PutOptions& options);
  // put() and copy() up to where the file would become a blob. It need not be on disk.
  Result<StagedBlob> stage(ByteSource& content, const PutOptions& options);
  Result<StagedBlob> stage_copy(const BlobPtr& blob, const PutOptions& options);
  // install() of all of them, in their order, with one wait for the disk.
  Status install_all(std::span<StagedBlob> blobs, const Context& context);
  // Makes a blob of a file that was hashed, or keeps the blob that is there, if that is intact; both are on
  // disk then. Replaces a damaged one.
  Status install(const StagedFile& file, const PutResult& put, const Context& context);
  // Whether it was there. Of a symlink, removes the link. Errc::invalid_image where the folder is a symlink
  // that leaves the layout.
  Result<bool> erase(const Digest& digest);

 private:
  using FileId = std::pair<dev_t, ino_t>;

  Result<UniqueFd> open_folder(Algorithm algorithm) const;
  // The file of a blob, also if a symlink leads to it: by its path, and by the handle of its folder.
  Result<UniqueFd> open_path(const Digest& digest, int flags) const;
  Result<UniqueFd> open_to_read(const Digest& digest) const;
  Result<BlobStatus> link_status(const Digest& digest, const struct stat& link) const;
  std::set<FileId> targets_of(Algorithm algorithm, const std::vector<std::string>& links) const;
  // Makes what `content` delivers the file's, and checks it.
  Result<StagedBlob> fill(TempFile file, ByteSource& content, const PutOptions& options) const;
  // Gives the file its name in `folder`, or keeps what has it.
  Status name(const StagedFile& file, int folder, const PutResult& put, const Context& context);
  // Whether the blob is there, of this content and on disk; nobody sweeps it from now on as one that was put
  // before. `file` holds the same, and replaces a damaged blob, and a symlink that leads to anything else.
  Result<bool> keep(const StagedFile& file, int folder, const PutResult& put, const Context& context) const;
  Result<bool> keep_link(const StagedFile& file, int folder, const PutResult& put,
                         const Context& context) const;

  // Gives `file` the name of the blob `damaged`. Returns false if the name is gone or names another file by
  // now.
  Result<bool> replace(const StagedFile& file, int folder, const Digest& digest, const struct stat& damaged,
                       const Context& context) const;

  const LayoutDir& layout_;
  Workspace& workspace_;
  const BlobFolders folders_;
  // The files that symlinks of the layout led to when it was listed, for each algorithm.
  mutable Guarded<std::map<Algorithm, std::set<FileId>>> link_targets_;
};

}  // namespace layoutfs
