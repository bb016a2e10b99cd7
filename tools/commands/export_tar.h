// An image as one tar.
#pragma once

#include <cstdint>
#include <functional>

#include "core/image/image.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

struct TarOutput {
  std::function<Status(ByteView)> write;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // bytes of content, without holes
};

// Writes all files of the image as a tar, each directory before its content, the root as "./". The first name
// of a file has its content, the others are hard links. Equal images give equal bytes. Cost: each layer is
// decoded as in visit_sequentially(). Errors are those of Image::read(), tar_entry_header() and `out`.
Status write_tar(const Image& image, const TarOutput& out, const Context& context);

}  // namespace layoutfs::tools
