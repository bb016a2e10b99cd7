// Stores a tar as a new layer.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/compression.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"

namespace layoutfs {

struct NewLayer {
  Descriptor descriptor;  // with its media type
  Digest diff_id;
  Bytes index;  // the content of its index file
};

struct PutLayerOptions {
  Compression compression = Compression::zstd;
  std::string media_type;
  std::size_t cores = 0;  // 0: those of this machine
  Context context;
};

// Reads `tar` once, and stores its layer under its digest. Errors are those of LayerPacker and
// Engine::put_blob(); the layout is unchanged then.
Result<NewLayer> put_layer(Engine& engine, ByteSource& tar, const PutLayerOptions& options);

}  // namespace layoutfs
