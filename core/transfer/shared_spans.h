// Finds the common parts of two layers by their indexes.
#pragma once

#include <memory>

#include "core/cache/index_cache.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// Returns a finder of the parts of a layer that layers of `destination` also have, if the indexes of both are
// in `cache`. In a plain tar, parts are spans with equal bytes. In a compressed layer, they are the ranges
// between two access points that decompress to the same bytes and have the same number of bits: compressors
// with the same preceding input nearly always give the same output. Reads the blobs' indexes once, on first
// use. Thread-safe.
SpanFinder shared_spans_by_index(std::shared_ptr<const LayoutReader> destination, IndexCache cache);

}  // namespace layoutfs
