// Verifies an index against its blob.
#pragma once

#include <cstdint>
#include <functional>

#include "core/layer/layer_index.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Called from time to time with the number of bytes read, up to twice the blob's size: it is hashed, then
// decoded.
using CheckProgress = std::function<void(std::uint64_t bytes_read)>;

// Decodes all of `blob` as a reader with this index would, from every access point, and compares spans, diff
// ids and entries with the index. Errc::corrupt, with one sentence, if the blob does not match its digest or
// the index does not match the blob. Any positions of access points are accepted if they work. Cost: reads
// the blob twice. Errc::cancelled.
Status check_index(const LayerIndex& index, const BlobPtr& blob, const CheckProgress& progress = {},
                   const Context& context = {});

}  // namespace layoutfs
