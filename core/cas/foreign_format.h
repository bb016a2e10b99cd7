// What is no image layout but may be taken for one: images in other formats, layouts at another place. The
// one place that recognizes them, so that every error names the format and the command that converts it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The error of a directory without `oci-layout`. `path` is what the command names it by; the message does not
// begin with it. Reads a few small files and lists the directory and those in it, up to a limit.
Error explain_directory(int directory, const std::string& path);

// The same of a directory by its path, if it holds an image in another format; nothing for any other, as for
// one that may become a layout, or that holds some.
std::optional<Error> explain_image_directory(const std::string& path);

// The same of a tar, whose entries' names are `names` (ArchiveContents::names).
Error explain_tar(const std::set<std::string, std::less<>>& names, const std::string& path);

// The error of a tar with an `oci-layout` and without an `index.json`.
Error explain_no_index(const std::set<std::string, std::less<>>& names, const std::string& path);

// The same of a file that is no tar and begins with `front`. Errc::unsupported if it is compressed.
Error explain_file(ByteView front, const std::string& path);

// The same of an argument that names an image elsewhere, as skopeo does ("docker://...", "dir:/..."), as a
// whole sentence; Errc::unsupported. Nothing for any other.
std::optional<Error> explain_transport(std::string_view argument);

}  // namespace layoutfs
