// What somebody who copies an image knows of one of its blobs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/compression.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// What becomes, or became, of a layer's compression on its way.
enum class LayerCompression : std::uint8_t { preserve_original, decompress, compress };

struct BlobInfo {
  Digest digest;                      // empty where it is not known
  std::optional<std::uint64_t> size;  // bytes; nothing where it is not known
  std::vector<std::string> urls;      // where a foreign layer can be had, outside of the store
  Annotations annotations;
  std::string media_type;  // empty where it is not known
  // Of what a destination returns: how the manifest that is going to be written has to differ from the one
  // that was read.
  LayerCompression compression_operation = LayerCompression::preserve_original;
  std::optional<Compression> compression_algorithm;  // nothing if it is not known
};

inline BlobInfo blob_info_of(const Descriptor& descriptor) {
  return {.digest = descriptor.digest,
          .size = descriptor.size,
          .urls = descriptor.urls,
          .annotations = descriptor.annotations,
          .media_type = descriptor.media_type,
          .compression_operation = LayerCompression::preserve_original,
          .compression_algorithm = {}};
}

}  // namespace layoutfs
