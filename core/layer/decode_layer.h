// Decodes a whole layer for a reader that needs no access points.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/compression.h"
#include "core/layer/hashing_source.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Decodes `source`, a blob of `blob_size` bytes, on the calling thread and those of start_indexing_on().
// Another thread passes the bytes on to `use`, in order, and has finished when this returns. Calls `go_on`
// after each piece, because a small blob may decode to a large layer. Ends with its error, or with
// Errc::corrupt. Exceptions of `use` are passed on. Memory: 2 MiB beside the decoder.
Status decode_layer(Compression compression, HashingSource& source, std::uint64_t blob_size,
                    const std::function<void(ByteView)>& use, const std::function<Status()>& go_on);

}  // namespace layoutfs
