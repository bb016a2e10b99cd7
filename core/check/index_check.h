// Verifies an index against its blob.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/layer/layer_index.h"
#include "core/stream/span_cache.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Called from time to time, by one thread at a time, with the number of bytes read, up to twice the blob's
// size: it is hashed, and at the same time decoded.
using CheckProgress = std::function<void(std::uint64_t bytes_read)>;

// Decodes all of `blob` as a reader with this index would, from every access point and on all cores, and
// compares spans, diff ids and entries with the index. Errc::corrupt, with one sentence, if the blob does not
// match its digest or the index does not match the blob. Any positions of access points are accepted if they
// work. `spans` has the memory for decoded spans, and may be shared by several checks. Cost: reads the blob
// twice. Errc::cancelled.
Status check_index(const LayerIndex& index, const BlobPtr& blob, const std::shared_ptr<SpanCache>& spans,
                   const CheckProgress& progress = {}, const Context& context = {});

}  // namespace layoutfs
