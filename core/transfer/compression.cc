#include "core/transfer/compression.h"

#include "core/codec/codec.h"

namespace layoutfs {

Result<BlobInfo> substituted(BlobInfo info, const Digest& digest, const Blob& blob) {
  const auto compression = compression_of(blob);
  if (!compression) return fail(Error(compression.error()));
  info.digest = digest;
  info.size = blob.size();
  info.compression_algorithm = *compression;
  info.compression_operation =
      *compression == Compression::none ? LayerCompression::decompress : LayerCompression::compress;
  return info;
}

}  // namespace layoutfs
