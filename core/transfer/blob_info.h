// The known properties of a blob during a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/compression.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// The treatment of a layer's compression.
enum class LayerCompression : std::uint8_t { preserve_original, decompress, compress };

struct BlobInfo {
  Digest digest;                      // empty if unknown
  std::optional<std::uint64_t> size;  // bytes; nullopt if unknown
  std::vector<std::string> urls;      // locations of a foreign layer outside of the store
  Annotations annotations;
  std::string media_type;  // empty if unknown
  // In the result of a destination: the changes to make in the manifest.
  LayerCompression compression_operation = LayerCompression::preserve_original;
  std::optional<Compression> compression_algorithm;  // nullopt if unknown
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
