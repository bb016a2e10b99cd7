// Compresses a stream to gzip (RFC 1952).
#pragma once

#include <functional>
#include <memory>

#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The text of a record of tar-split is base64 of headers that are mostly zeros: this level gets it to the
// same size within a tenth, in a third of the time of kUsualGzip.
inline constexpr int kFastGzip = 1;
inline constexpr int kUsualGzip = 6;  // gzip(1)'s default

// One member without a name or a time: equal input gives equal bytes, with the same version of zlib.
class GzipWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  // `level` is one of zlib's, 1 to 9.
  explicit GzipWriter(Sink sink, int level = kFastGzip);
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
Bytes gzip_of(ByteView bytes, int level = kFastGzip);

}  // namespace layoutfs
