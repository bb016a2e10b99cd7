// Makes an image of the changes that an overlay has kept, for `commit` and `chroot --commit`.
#pragma once

#include <string>

#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "tools/commands/new_image_arguments.h"

namespace layoutfs::tools {

struct CommitOptions {
  std::string compression;  // empty: that of the base's format
  std::string cache_dir;    // empty: the default
  bool is_progress_hidden = false;
  bool is_squashed = false;   // one layer of all files of the image
  bool may_be_empty = false;  // without changes, make an image without a new layer
  void add_options(Command command);
};

// Errc::invalid_argument if --compression is not a compression.
Status check_commit_options(const CommitOptions& options);

// Stores the changes in the directory `upper` as a layer, its index in the cache directory, and the new image
// with its reference. No layer of the base is read,
// unless all files become one layer; then the layer of the changes alone stays without a reference. Prints
// the number of sockets, which are left out. Returns the digest of the image. The layout is unchanged, or has
// unreferenced blobs, if it fails. Errors are those of open_kept_changes(), UpperLayer::read(), put_layer()
// and put_new_image(); Errc::failed_precondition if there are no changes, unless the image may do without a
// new layer.
Result<Digest> commit_changes(ImageLayout& layout, const std::string& upper,
                              const NewImageArguments& arguments, ImageChanges changes,
                              const CommitOptions& options, const Context& context);

}  // namespace layoutfs::tools
