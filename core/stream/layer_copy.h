// The decoded copy of one layer: finds it, makes it if that pays off, and reads it.
#pragma once

#include <memory>

#include "core/cache/copy_directory.h"
#include "core/codec/codec.h"
#include "core/codec/stream_index.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The directory and the name of a layer's copy.
struct CopyPlace {
  std::shared_ptr<CopyDirectory> directory;
  Digest blob;
};

// Contains the spans of the stretches without access points that are longer than the directory's
// long_stretch. Errors are logged, and the caller decodes the blob instead. Thread-safe.
class LayerCopy {
 public:
  // Counts decoded bytes in `cache`.
  LayerCopy(CopyPlace place, BlobOpener open_blob, const StreamIndex& index,
            std::shared_ptr<SpanCache> cache);
  // Stops making a copy, without a result.
  ~LayerCopy();

  // Returns whether a copy would contain the span.
  bool covers(std::uint64_t span) const;
  // Returns the span if the copy exists and contains it, otherwise nullptr.
  SpanBytes find(std::uint64_t span);
  // Returns the first span from which decoding up to `span` is short enough to need no copy.
  std::uint64_t first_near(std::uint64_t span) const;
  // Like find, but if there is no copy, starts a thread that makes it, and waits until it has passed the
  // span. Returns nullptr if no copy can be made now. Errc::cancelled if `context` ends; the copy is still
  // made.
  Result<SpanBytes> make(std::uint64_t span, const Context& context = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
