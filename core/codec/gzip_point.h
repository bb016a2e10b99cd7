// Access points where a GzipInflater has stopped.
#pragma once

#include <memory>

#include "core/codec/codec.h"
#include "core/codec/gzip_inflater.h"
#include "core/codec/gzip_state.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Appends decoded bytes to a window, of which the last kDeflateWindow bytes stay.
void extend_window(Bytes& window, ByteView decoded);

// Returns the point at which `inflater` has stopped (Stop::block or Stop::member). `window` is the end of the
// stream up to there. The point shares `states`. Fails if the blob cannot be read.
Result<FoundPoint> gzip_point(GzipInflater& inflater, GzipInflater::Stop stop, Bytes window,
                              std::shared_ptr<GzipStateWriter> states);

}  // namespace layoutfs
