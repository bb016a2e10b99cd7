// The uncompressed stream of one layer, readable at any offset.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/error.h"
#include "core/base/io_buffers.h"
#include "core/codec/codec.h"
#include "core/codec/stream_index.h"
#include "core/stream/layer_copy.h"
#include "core/stream/span_cache.h"

namespace layoutfs {

// Thread-safe. A read decodes only the spans that it touches, from their access point on; a reader that goes
// on where the last one stopped finds the decoder still there.
class LayerStream {
 public:
  // `index` must be consistent (is_consistent). With `verify`, a span whose bytes differ from its digest is
  // Errc::corrupt and never served. With `copy`, jumps far into a stretch without access points make and use
  // a decoded copy there.
  LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache, bool verify = true,
              std::optional<CopyPlace> copy = {});
  ~LayerStream();

  std::uint64_t size() const noexcept;
  // Fills `out` from `offset` on; shorter only at the end of the stream.
  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset) const;
  // Appends as many bytes to `out`, without copying those of a span from the cache.
  Result<std::size_t> read(IoBuffers& out, std::size_t size, std::uint64_t offset) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
