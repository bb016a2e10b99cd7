// Reading archives: an image layout inside a tar (skopeo's oci-archive:, podman save --format
// oci-archive, docker save since Docker 25), read in place.
#pragma once

#include <memory>
#include <string>

#include "core/cas/driver.h"
#include "core/cas/layout_reader.h"

namespace layoutfs {

// Reads the headers of the whole tar once and nothing else; of a name that stands there twice the last one
// counts. Symbolic and hard links to other files of the tar are followed, and sparse files are read through
// their maps. Errc::not_found where `path` is not there; Errc::invalid_image where it is no tar (a compressed
// one is Errc::unsupported), or where `oci-layout` or `index.json` is missing or broken; Errc::unsupported
// for more than a million blobs, or sparse files of more than four million pieces; Errc::corrupt where it is
// cut off or otherwise breaks the format of tars.
Result<std::unique_ptr<LayoutReader>> open_archive(const std::string& path);

// Whether `path` is a regular file that begins with the header of a tar.
bool is_archive(const std::string& path);

// The driver of these. It supports regular files, and creates none: what it supports exists. Existing
// archives cannot be changed: open_engine() fails with Errc::io and EROFS.
std::shared_ptr<const Driver> archive_driver();

}  // namespace layoutfs
