// What two layers have in common, by their indexes.
#pragma once

#include <memory>

#include "core/cache/index_cache.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Finds for a layer whose index is in `cache` the pieces of it that layers of `destination` have as well,
// whose indexes are there too: in a plain tar spans of equal bytes; in a compressed one what lies between two
// access points, where both streams have the same bytes behind it and it takes as many bits in both, which
// compressors that saw the same before nearly always write alike. Looks at the blobs of `destination` once,
// when it is first asked. Thread-safe.
SpanFinder shared_spans_by_index(std::shared_ptr<const LayoutReader> destination, IndexCache cache);

}  // namespace layoutfs
