// The uncompressed stream of one layer, readable at any offset.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/base/io_buffers.h"
#include "core/codec/codec.h"
#include "core/codec/stream_index.h"
#include "core/stream/layer_copy.h"
#include "core/stream/span_cache.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

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
  // Waits for the threads that decode ahead or make a copy, which stop soon. The caller must hold nothing
  // that these wait for: LockLevel::background.
  ~LayerStream();

  std::uint64_t size() const noexcept;
  // Fills `out` from `offset` on. Returns the number of bytes, fewer than `out.size()` only at the end of the
  // stream. Errc::cancelled soon after `context` ends, also while it waits for other readers; what was
  // decoded until then stays in the cache, and other readers of the same bytes are not affected.
  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset, const Context& context = {}) const;
  // As above, but appends the bytes to `out`, without copying spans from the cache.
  Result<std::size_t> read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                           const Context& context = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
