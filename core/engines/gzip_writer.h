// Compresses a stream to gzip (RFC 1952).
#pragma once

#include <functional>
#include <memory>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// One member without a name or a time: equal input gives equal bytes, with the same version of zlib.
class GzipWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  explicit GzipWriter(Sink sink);
  ~GzipWriter();

  // Errors are those of the sink.
  Status write(ByteView bytes);
  // Call it once, at the end.
  Status finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns `bytes` as one member.
Bytes gzip(ByteView bytes);

}  // namespace layoutfs
