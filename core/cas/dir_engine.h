// The `dir` engine: an image layout (image-spec image-layout.md) in a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/context.h"
#include "core/cas/driver.h"
#include "core/cas/engine.h"

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

// Opens the layout at `path`; of the two formats, `index.json` goes before `refs/`. Everything is opened
// relative to the directory's handle. A symlink in it is followed if it stays in the layout; an absolute one
// does if its target begins with the layout's own path. Errc::not_found where
// `path` is not there; Errc::invalid_image where it is no directory, where `oci-layout` is missing, broken or
// of another version than 1.x, or where the references or `blobs/` are missing or broken.
//
// With `create_if_missing`, a layout is made at a path that is missing (and the directories above it), in an
// empty directory, and where only the pieces of a layout are that a crash had left unfinished.
Result<std::unique_ptr<Engine>> open_dir(const std::string& path, const DirOptions& options = {});

// Whether open_dir() would make a layout at `path`, or complete one. Errors are those it would give.
Status check_creatable(const std::string& path, const DirOptions& options = {});

// Makes an empty layout at `path`, and the directories above it. Nobody sees it before it is whole.
// Errc::already_exists where anything is there, an empty directory too.
Status create_dir(const std::string& path, const DirOptions& options = {});

// Whether `path` is a directory that holds an `oci-layout` file, or a symlink of that name.
bool is_layout_dir(const std::string& path);

// The driver of these. It supports directories, and paths where nothing is, or nothing that may be looked at.
std::shared_ptr<const Driver> dir_driver(const DirOptions& options = {});

}  // namespace layoutfs
