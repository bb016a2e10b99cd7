// One layer of all files of an image, for `commit --squash`.
#pragma once

#include <cstdint>
#include <functional>

#include "core/commit/put_layer.h"
#include "core/image/image.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs::tools {

// Stores the tar of the image (export_tar.h) as a layer. Another thread reads the image and writes the tar,
// while this one packs it; at most a few MiB wait between them. Calls `progress` from that thread. Errors are
// those of write_tar() and put_layer().
Result<NewLayer> put_squashed(Engine& engine, const Image& image, const PutLayerOptions& options,
                              const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

}  // namespace layoutfs::tools
