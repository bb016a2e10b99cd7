// Random access to the uncompressed stream of one layer.
#pragma once

#include <cstdint>
#include <functional>
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

// Thread-safe. A read decodes only the spans that it overlaps, from their access point on. A reader that
// continues at the end of the last read finds its decoder there.
class LayerStream {
 public:
  enum class Failures : std::uint8_t { logged, returned };  // whether an error of a read is also logged

  // `index` must be consistent (is_consistent). If `verify`, a span that does not match its digest is
  // Errc::corrupt and never returned. With `copy`, reads deep inside a stretch without access points make and
  // use a decoded copy.
  LayerStream(BlobOpener open_blob, StreamIndex index, std::shared_ptr<SpanCache> cache, bool verify = true,
              std::optional<CopyPlace> copy = {}, Failures failures = Failures::logged);
  // Waits for the threads that decode ahead or make a copy, which stop soon. The caller must not hold
  // anything for which these wait: LockLevel::background.
  ~LayerStream();

  std::uint64_t size() const noexcept;
  // Announces that one reader will read these bytes in order, beginning soon: decodes ahead of it at once, on
  // all cores, instead of only after it has read for a while. Does not wait.
  void will_read(std::uint64_t offset, std::uint64_t size) const noexcept;
  // Reads into `out`, starting at `offset`. Returns the number of bytes, fewer than out.size() only at the
  // end of the stream. Cost: decodes the spans that are not cached, from the nearest decoder or access point.
  // Errc::cancelled soon after `context` ends, also while it waits for other readers. Spans decoded until
  // then stay in the cache; other readers are not affected.
  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset, const Context& context = {}) const;
  // The same, but appends the bytes to `out`, without copying cached spans.
  Result<std::size_t> read(IoBuffers& out, std::size_t size, std::uint64_t offset,
                           const Context& context = {}) const;
  // Passes all of the stream to `sink`, in order and in pieces, decoded on all cores. Ends with the first
  // error, also of `sink`, which nothing follows.
  Status read_all(const std::function<Status(ByteView)>& sink, const Context& context = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs
