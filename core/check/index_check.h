// Whether an index tells the truth about its blob.
#pragma once

#include <cstdint>
#include <functional>

#include "core/layer/layer_index.h"
#include "layoutfs/blob.h"
#include "layoutfs/context.h"

namespace layoutfs {

// Called now and then with the bytes that were read, up to twice the blob's size: it is hashed, then decoded.
using CheckProgress = std::function<void(std::uint64_t bytes_read)>;

// Decodes all of `blob` as a reader with this index would, from every access point on, and holds what comes
// out against the index: spans, diff ids, entries. Errc::corrupt with one sentence: the blob is not what its
// digest says, or the index is not true. Where points stand is not judged, as long as they serve.
// Errc::cancelled.
Status check_index(const LayerIndex& index, const BlobPtr& blob, const CheckProgress& progress = {},
                   const Context& context = {});

}  // namespace layoutfs
