// Recognizes formats that are confused with image layouts: images in other formats, and layouts in other
// directories. Every error names the format; its hint has the command that converts it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the error of a directory without `oci-layout`. `path` is used in the suggested command; the message
// does not start with it. Cost: reads a few small files, and lists the directory and its sub-directories up
// to a limit.
Error explain_directory(int directory, const std::string& path);

// The same for a directory by its path, if it holds an image in another format; nullopt otherwise, even if it
// may become a layout or contains some.
std::optional<Error> explain_image_directory(const std::string& path);

// The same for a tar; `names` are ArchiveContents::names.
Error explain_tar(const std::set<std::string, std::less<>>& names, const std::string& path);

// Returns the error of a tar that has an `oci-layout` but no `index.json`.
Error explain_no_index(const std::set<std::string, std::less<>>& names, const std::string& path);

// The same for a file that starts with `front` and is not a tar. Errc::unsupported if it is compressed.
Error explain_file(ByteView front, const std::string& path);

// The same for an argument that names an image elsewhere, as in skopeo ("docker://...", "dir:/..."), as a
// complete sentence; Errc::unsupported. nullopt for other arguments.
std::optional<Error> explain_transport(std::string_view argument);

}  // namespace layoutfs
