// Compares the index cache with the blobs that it was made from.
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

struct IndexProblem {
  enum class Kind : std::uint8_t { index, layer_tree, image_tree };  // what the file is, or would be, of
  Kind kind;
  Digest digest;
  std::string message;  // one sentence
};
// "index", "layer-tree", "image-tree": stable, for programs.
std::string_view name_of(IndexProblem::Kind kind) noexcept;

struct VerifyReport {
  std::uint64_t indexes = 0, trees = 0;  // that are kept, and were checked
  std::uint64_t missing = 0;             // layers without an index
  std::vector<IndexProblem> problems;    // of layers, then of images, in the order of the set
};

// From any thread: of the blob of `layer`, which is read twice, so many bytes were read.
using VerifyProgress = std::function<void(const Descriptor& layer, std::uint64_t bytes_read)>;

// Verifies the cached indexes and trees of all images of a layout, in the cache directory `cache_directory`
// (ImagesOptions): each layer that has an index is read and decoded again, on all cores, and its spans and
// files are compared; trees are compared with those that merging the layers gives. What is not cached is no
// problem. Fails if the layout's references cannot be read, or with Errc::cancelled.
Result<VerifyReport> verify_indexes(const LayoutReader& layout, const std::string& cache_directory,
                                    const VerifyProgress& progress = {}, const Context& context = {});

}  // namespace layoutfs
