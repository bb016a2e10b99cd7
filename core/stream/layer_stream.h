// The uncompressed stream of one layer, readable at any offset.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/base/error.h"
#include "core/cas/engine.h"
#include "core/stream/span_cache.h"
#include "core/stream/stream_index.h"

namespace layoutfs {

// Opens the blob when a span has to be decoded, so that layers nobody reads hold no descriptor open.
using BlobOpener = std::function<Result<BlobPtr>()>;

// Thread-safe. A read decodes only the spans that it touches, from their access point on; a reader that goes
// on where the last one stopped finds the decoder still there.
class LayerStream {
 public:
  // `index` must be consistent (is_consistent). With `verify`, a span whose bytes differ from its digest is
  // Errc::corrupt and never served.
  LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache, bool verify = true);
  ~LayerStream();

  std::uint64_t size() const noexcept;
  // Fills `out` from `offset` on; shorter only at the end of the stream.
  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
