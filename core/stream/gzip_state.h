// What a gzip decoder needs to know at an access point besides its position, as bytes.
#pragma once

#include <memory>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/stream/gzip_window.h"

struct ZSTD_CCtx_s;

namespace layoutfs {

// Writes states. For one thread at a time.
class GzipStateWriter {
 public:
  GzipStateWriter();
  ~GzipStateWriter();

  // At the header of a member.
  Bytes at_header() const;
  // At a block: `window` (at most kGzipWindow) is the stream before it.
  Bytes at_block(std::span<std::byte> window, const BlockStart& start);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> zstd_;
  WindowThinner thinner_;
};

struct GzipState {
  bool is_at_header;
  Bytes window;  // empty at a header
};

// Errc::corrupt for what no GzipStateWriter wrote. No state at all is the start of the blob: a header.
Result<GzipState> parse_gzip_state(ByteView state);

}  // namespace layoutfs
