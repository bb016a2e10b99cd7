// The part of fsck that reads one blob.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/layer/layer_index.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/fsck.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// The expected digests of an uncompressed layer, with the config of each.
using ExpectedDiffIds = std::map<Digest, Digest>;

struct BlobFindings {
  bool is_read = false;        // completely
  std::uint64_t bytes = 0;     // that were read
  std::uint64_t diff_ids = 0;  // that were compared
  std::vector<FsckProblem> problems;
};

// The cached index of a layer, and the memory for its decoded spans.
struct IndexedLayer {
  std::shared_ptr<const LayerIndex> index;
  std::shared_ptr<SpanCache> spans;
};

// Reads `digest` once as a blob and, unless `layer` is null, in the same pass as a layer. Calls `on_bytes`
// with the number of bytes after each piece, 0 if a piece was only decompressed. Errc::cancelled if
// `on_bytes` returns it or `context` ends; fails for no other reason.
//
// With `indexed`, the layer is decoded on all cores while the blob is hashed. If that shows any problem, the
// layer is checked again without the index, which may be wrong.
Result<BlobFindings> check_blob(const LayoutReader& reader, const Digest& digest,
                                const ExpectedDiffIds* layer,
                                const std::function<Status(std::uint64_t bytes)>& on_bytes,
                                const std::optional<IndexedLayer>& indexed = {}, const Context& context = {});

// Returns the error as a sentence that contains the digest once.
std::string message_of(const Digest& digest, const Error& error);

}  // namespace layoutfs
