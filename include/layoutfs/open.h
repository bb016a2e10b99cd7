// Opens and makes layouts: directories (image-spec image-layout.md), and archives, tars that hold one.
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

// `imageLayoutVersion` of the layouts that are made here. Every 1.x is read.
inline constexpr std::string_view kImageLayoutVersion = "1.0.0";

// Where a layout keeps its references.
enum class ReferenceFormat : std::uint8_t {
  index_json,  // image-spec 1.0: entries of `index.json`
  refs_dir,    // the release candidates before it: a file each in `refs/`
};

struct DirOptions {
  bool create_if_missing = false;
  ReferenceFormat created_with = ReferenceFormat::index_json;
  // Whether a layout may be made in a directory that holds other things too.
  bool is_beside_others = false;
  // Whether symlinks that leave the layout are followed too, to regular files and directories. Nothing is
  // removed behind them: what is removed, or replaced, is the link.
  bool follow_links = false;
  // Whether what was put is on disk when the call returns. Only tests can do without.
  bool is_durable = true;
  // For the wait until others that make or complete the same layout are done: Errc::cancelled.
  Context context = {};
};

// Opens the layout at `path`, of whatever kind, for reading. Errors are those of open_dir() and
// open_archive(); Errc::unsupported if `path` is neither a directory nor a regular file.
Result<std::unique_ptr<LayoutReader>> open_reader(const std::string& path, const DirOptions& options = {});
// Likewise for reading and writing. Makes nothing; Errc::io and EROFS for an archive.
Result<std::unique_ptr<Engine>> open_engine(const std::string& path, const DirOptions& options = {});

// ---- Directories ----

// Opens the layout in the directory `path`; of the two formats, `index.json` goes before `refs/`. Everything
// is opened relative to the directory's handle. A symlink in it is followed if it stays in the layout; an
// absolute one does if its target begins with the layout's own path. Errc::not_found if `path` is not there;
// Errc::invalid_image if it is not a directory, if `oci-layout` is missing, broken or of another version than
// 1.x, or if the references or `blobs/` are missing or broken.
//
// With `create_if_missing`, a layout is made at a path that is missing (and the directories above it), in an
// empty directory, and if only the pieces of a layout are there that a crash had left unfinished.
Result<std::unique_ptr<Engine>> open_dir(const std::string& path, const DirOptions& options = {});

// Returns whether open_dir() would make a layout at `path`, or complete one. Errors are those it would give.
Status check_creatable(const std::string& path, const DirOptions& options = {});

// Makes an empty layout at `path`, and the directories above it. Nobody sees it before it is whole.
// Errc::already_exists if anything is there, an empty directory too.
Status create_dir(const std::string& path, const DirOptions& options = {});

// ---- Archives ----

// Opens the image layout in a tar (skopeo's oci-archive:, podman save --format oci-archive, docker save since
// Docker 25), which is read in place: its headers once, blobs as they are asked for. Of a name that stands
// there twice the last one counts. Symbolic and hard links to other files of the tar are followed, and sparse
// files are read through their maps. Errc::not_found if `path` is not there; Errc::invalid_image if it is not
// a tar (a compressed one is Errc::unsupported), or if `oci-layout` or `index.json` is missing or broken;
// Errc::unsupported for more than a million blobs, or sparse files of more than four million pieces;
// Errc::corrupt if it is truncated or otherwise breaks the format of tars.
Result<std::unique_ptr<LayoutReader>> open_archive(const std::string& path);

// A layout that is written into a new tar. Nobody sees the archive before finish(); until then it is a file
// without its name beside it, which goes with this. As an engine it has everything but uploads, deleting
// (Errc::unsupported), and blobs of a size that PutOptions does not say (Errc::invalid_argument). Blobs are
// written at their places at the same time.
class ArchiveWriter : public Engine {
 public:
  // Writes the references, waits for the disk, and gives the archive its name. Errc::already_exists if
  // something has it; Errc::failed_precondition after a blob could not be written whole, for its place in
  // the archive stays empty. Errc::closed from then on, for everything.
  virtual Status finish() = 0;
};

// Errc::already_exists if anything is at `path`; Errc::not_found if its directory is not there.
Result<std::unique_ptr<ArchiveWriter>> create_archive(const std::string& path);

}  // namespace layoutfs
