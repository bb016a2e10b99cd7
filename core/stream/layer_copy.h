// The decoded copy of one layer: looked for, made where it is worth it, and read.
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

// Where the copy of a layer is kept, and by which name.
struct CopyPlace {
  std::shared_ptr<CopyDirectory> directory;
  Digest blob;
};

// It holds the spans of the stretches without access points that are longer than the directory's
// long_stretch. Whatever is wrong with it is logged, and the caller decodes the blob. Thread-safe.
class LayerCopy {
 public:
  // Decoded bytes are counted in `cache`.
  LayerCopy(CopyPlace place, BlobOpener open_blob, const StreamIndex& index,
            std::shared_ptr<SpanCache> cache);
  // Ends what is being made, without a result.
  ~LayerCopy();

  // Whether a copy would hold the span.
  bool covers(std::uint64_t span) const;
  // The span, if the copy is there and holds it; nullptr otherwise.
  SpanBytes find(std::uint64_t span);
  // The first span from which decoding to `span` is short enough to need no copy.
  std::uint64_t first_near(std::uint64_t span) const;
  // As find, but starts to make the copy if there is none, in a thread of its own, and waits until that has
  // come to the span. nullptr if no copy can be made now. Errc::cancelled as soon as `context` ends; the copy
  // is made all the same.
  Result<SpanBytes> make(std::uint64_t span, const Context& context = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
