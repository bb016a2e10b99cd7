// The `dir` engine: an image layout (image-spec image-layout.md) in a directory.
#pragma once

#include <memory>
#include <string>

#include "core/cas/engine.h"

namespace layoutfs {

// Opens the layout at `path` for reading; writes nothing, so read-only media are fine. Everything is opened
// relative to the directory's handle, and a blob that is not a regular file is not followed. Errc::not_found
// where `path` is not there; Errc::invalid_image where it is no directory, where `oci-layout` is missing,
// broken or of another version than 1.x, or where `index.json` or `blobs/` is missing or broken.
Result<std::unique_ptr<Engine>> open_dir(const std::string& path);

// Whether `path` is a directory that holds an `oci-layout` file.
bool is_layout_dir(const std::string& path);

}  // namespace layoutfs
