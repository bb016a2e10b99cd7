// Assembles a blob from content of the layout and from chunks.
#pragma once

#include "core/transfer/blob_chunks.h"
#include "core/transfer/image_destination.h"
#include "layoutfs/context.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// ImageDestination::put_blob_partial for a layout. The steps:
// - Open the upload of this digest (its ID is derived from the digest), and continue at its end if an earlier
//   attempt has left one.
// - Ask `find_spans` for ranges in existing blobs, and request everything else as chunks in one request. If
//   the source refuses it because there are too many chunks, drop half of the spans and try again.
// - Append ranges and chunks in order, then commit the upload, which verifies the whole content.
// Invariant: the upload always contains a prefix of the blob, unless a source was wrong; then the commit
// fails and the upload is removed.
Result<PutResult> put_partial(Engine& engine, BlobChunkAccessor& accessor, const BlobInfo& info,
                              const SpanFinder& find_spans, const Context& context);

}  // namespace layoutfs
