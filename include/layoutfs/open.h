// Opens and creates layouts: directories (image-spec image-layout.md), and archives (tar files).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// The `imageLayoutVersion` of new layouts. All versions 1.x can be read.
inline constexpr std::string_view kImageLayoutVersion = "1.0.0";

// The storage of a layout's references.
enum class ReferenceFormat : std::uint8_t {
  index_json,  // image-spec 1.0: entries of `index.json`
  refs_dir,    // release candidates of image-spec 1.0: one file each in `refs/`
};

// Options of layouts in directories.
struct DirOptions {
  bool create_if_missing = false;
  ReferenceFormat created_with = ReferenceFormat::index_json;
  // Allow a new layout in a directory that has other files.
  bool is_beside_others = false;
  // Also follow symlinks that leave the layout, to regular files and directories. Removing or replacing a
  // blob affects the link, never its target.
  bool follow_links = false;
  // Wait for the disk before a put returns. Only tests turn it off.
  bool is_durable = true;
  // Ends the wait for other processes that create or complete the same layout, with Errc::cancelled.
  Context context = {};
};

// Opens a layout of any kind for reading. Errors are those of open_dir() and open_archive().
// Errc::unsupported if `path` is neither a directory nor a regular file.
Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& path, const DirOptions& options = {});
// Opens a layout of any kind for reading and writing. Creates nothing. Errc::io and EROFS if it is an
// archive.
Result<std::unique_ptr<Engine>> open_engine(const std::string& path, const DirOptions& options = {});

// ---- Directories ----

// Opens the layout in the directory `path`. If both exist, `index.json` takes precedence over `refs/`. All
// files are opened relative to a handle of the directory. Symlinks are followed if they stay in the layout;
// an absolute one must start with the layout's own path. Cost: reads `oci-layout`, and lists no blobs.
// Errc::not_found if `path` does not exist. Errc::invalid_image if it is not a directory, if `oci-layout` is
// missing, invalid or not of version 1.x, or if the references or `blobs/` are missing or invalid.
//
// If `create_if_missing`, creates a layout if `path` does not exist (including its parent directories), if it
// is an empty directory, or if it contains only parts of a layout that a crash has left.
Result<std::unique_ptr<Engine>> open_dir(const std::string& path, const DirOptions& options = {});

// Returns success if open_dir() would create or complete a layout at `path`, otherwise its error.
Status check_creatable(const std::string& path, const DirOptions& options = {});

// Creates an empty layout at `path`, including parent directories. It becomes visible in one step.
// Errc::already_exists if `path` exists, even if it is an empty directory.
Status create_dir(const std::string& path, const DirOptions& options = {});

// ---- Archives ----

// Opens the image layout in a tar file (skopeo's oci-archive:, podman save --format oci-archive, docker save
// since Docker 25). Reads the tar in place: all headers once, blobs on demand. If a name occurs twice, the
// last one wins. Follows symbolic and hard links to other members, and reads sparse files. Cost: one pass
// over the headers.
// Errc::not_found if `path` does not exist. Errc::invalid_image if it is not a tar, or if `oci-layout` or
// `index.json` is missing or invalid. Errc::unsupported if it is compressed, or has more than a million blobs
// or sparse files with more than four million extents. Errc::corrupt if it is truncated or violates the tar
// format.
Result<std::unique_ptr<LayoutReader>> open_archive(const std::string& path);

// Writes a layout into a new tar. Until finish() the archive is an unnamed file, which disappears with the
// writer. It supports all operations of an engine except uploads and deletion (Errc::unsupported) and blobs
// without PutOptions::size (Errc::invalid_argument). Several threads can write blobs in parallel.
class ArchiveWriter : public Engine {
 public:
  // Writes the references, waits for the disk, and links the archive to its name. Errc::already_exists if the
  // name exists. Errc::failed_precondition if a blob could not be written completely, because its place in
  // the archive is empty. After that, every operation is Errc::closed.
  virtual Status finish() = 0;
};

// Errc::already_exists if `path` exists. Errc::not_found if its directory does not exist.
Result<std::unique_ptr<ArchiveWriter>> create_archive(const std::string& path);

}  // namespace layoutfs
