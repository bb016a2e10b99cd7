// Verifies cached indexes against the blobs from which they were built.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// A cached file that differs from its source.
struct IndexProblem {
  // The kind of the cached file.
  enum class Kind : std::uint8_t { index, layer_tree, image_tree, stack_tree, tar_split, erofs };
  Kind kind;
  Digest digest;
  std::string message;  // one sentence
};
// Returns "index", "layer-tree", "image-tree", "stack-tree", "tar-split" or "erofs"; stable, for programs.
std::string_view name_of(IndexProblem::Kind kind) noexcept;

// The result of verify_indexes().
struct VerifyReport {
  std::uint64_t indexes = 0, trees = 0, filesystems = 0;  // that exist in the cache and were verified
  std::uint64_t missing = 0;                              // layers without an index
  std::vector<IndexProblem> problems;  // of layers, then of images, in the order of the set
};

// Called by any thread with the number of bytes read of `layer`, which is read twice.
using VerifyProgress = std::function<void(const Descriptor& layer, std::uint64_t bytes_read)>;

// Verifies the cached indexes and trees of all images of a layout in `cache_directory` (ImagesOptions).
// Decodes each layer that has an index, in parallel, and compares spans and files. Compares trees and EROFS
// metadata with those of a new merge of the layers. Of records for rebuilding tars (tar-split), only the
// checksum is verified. Missing indexes are not a problem. Cost: reads each indexed layer twice. Fails if the
// references of the layout cannot be read, or with Errc::cancelled.
Result<VerifyReport> verify_indexes(const LayoutReader& layout, const std::string& cache_directory,
                                    const VerifyProgress& progress = {}, const Context& context = {});

}  // namespace layoutfs
