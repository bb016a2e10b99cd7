// Holds what the index cache keeps against the blobs that it was made from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/context.h"
#include "core/cache/index_cache.h"
#include "core/cas/layout_reader.h"
#include "core/image/image_set.h"

namespace layoutfs {

struct KeptProblem {
  enum class Kind : std::uint8_t { index, layer_tree, image_tree };  // what the file is, or would be, of
  Kind kind;
  Digest digest;
  std::string message;  // one sentence
};
// "index", "layer-tree", "image-tree": stable, for programs.
std::string_view name_of(KeptProblem::Kind kind) noexcept;

struct VerifyReport {
  std::uint64_t indexes = 0, trees = 0;  // that are kept, and were checked
  std::uint64_t missing = 0;             // layers without an index
  std::vector<KeptProblem> problems;     // of layers, then of images, in the order of the set
};

// From any thread: of the blob of `layer`, which is read twice, so many bytes were read.
using VerifyProgress = std::function<void(const Descriptor& layer, std::uint64_t bytes_read)>;

// Indexes as check_index does, on all cores; trees against those that merging the layers gives. What is not
// kept is no problem. Fails with Errc::cancelled only.
Result<VerifyReport> verify_kept(const LayoutReader& reader, const IndexCache& cache, const ImageSet& images,
                                 const VerifyProgress& progress = {}, const Context& context = {});

}  // namespace layoutfs
