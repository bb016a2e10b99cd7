// Making a blob of what a layout has of it already, and of pieces for the rest.
#pragma once

#include "core/transfer/blob_chunks.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// ImageDestination::put_blob_partial for a layout. What comes is appended to an upload, whose id follows from
// the digest: one that an earlier attempt has left is gone on with. Behind what it has, the spans that
// `find_spans` knows are read from their blobs and the others asked for in one request; where that is refused
// because there are too many chunks, with half of the spans, and so on.
Result<PutResult> put_partial(Engine& engine, BlobChunkAccessor& accessor, const BlobInfo& info,
                              const SpanFinder& find_spans, const Context& context);

}  // namespace layoutfs
