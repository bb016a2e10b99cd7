#include "core/commit/put_layer.h"

#include <utility>

#include "core/commit/layer_packer.h"

namespace layoutfs {

Result<NewLayer> put_layer(Engine& engine, ByteSource& tar, const PutLayerOptions& options) {
  LayerPacker packer(tar, options.compression, options.cores);
  PutOptions put;
  put.context = options.context;
  const auto stored = engine.put_blob(packer, put);
  if (!stored) return fail(Error(stored.error()));
  auto packed = packer.finish(stored->digest);
  if (!packed) return fail(std::move(packed).error());
  NewLayer layer;
  layer.descriptor.media_type = options.media_type;
  layer.descriptor.digest = stored->digest;
  layer.descriptor.size = stored->size;
  layer.diff_id = std::move(packed->diff_id);
  layer.index = std::move(packed->index);
  return layer;
}

}  // namespace layoutfs
