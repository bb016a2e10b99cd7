// The compressions of layers, one row of a table each: finding access points, and decoding from one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/base/compression.h"
#include "core/codec/stream_index.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Opens the blob when something has to be decoded, so that layers nobody reads hold no descriptor open.
using BlobOpener = std::function<Result<BlobPtr>()>;

// Decodes in order, for one thread at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out`; shorter only at the end of the stream. Errc::corrupt for a broken or truncated stream.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

// An access point as an IndexingDecoder finds it. Its offset in the stream is that of the step that reports
// it.
struct FoundPoint {
  std::uint64_t position;  // bits from the start of the blob
  // Returns the state that Codec::resume needs; `following` is the stream from here on, as far as it is
  // known. Returns nothing if decoding from here gives other bytes: then it is not a point. Call it once at
  // most, in any thread, also after the decoder's end, but for one point of a decoder at a time; it may take
  // as long as decoding a few windows. A step() may wait until the call has returned or the point is
  // destroyed: call it in another thread, or before the next step.
  std::move_only_function<std::optional<Bytes>(ByteView following)> make_state;
};

// Decodes a whole blob once and reports access points. The start of the stream is a point (bit 0, no state)
// that is not reported.
class IndexingDecoder {
 public:
  virtual ~IndexingDecoder() = default;
  struct Step {
    std::size_t size = 0;  // bytes written to the front of `out`; 0 only together with `end`, or at a point
    bool end = false;      // the stream is complete, and any padding behind it is valid
    std::optional<FoundPoint> point;  // decoding could start at the offset after these bytes
  };
  // Fails with Errc::corrupt as Decoder::read does. After `end`, `source` may still have bytes that were not
  // read (padding): the caller hashes the blob and reads it to its end.
  virtual Result<Step> step(std::span<std::byte> out) = 0;
};

// A row of the table in codec.cc: all that is needed of a compression of layers. Its name, its magic numbers
// and its media types are those of its row in core/base/compression.cc. Nothing is compressed here, so a row
// has no encoder.
struct Codec {
  Compression compression;
  // Decodes from the start, and finds access points. `source` delivers the blob from its first byte on and
  // must outlive the decoder. A point is reported about every `spacing` bytes of uncompressed stream, if the
  // format allows.
  std::unique_ptr<IndexingDecoder> (*start_indexing)(ByteSource& source, std::uint64_t spacing);
  // Decodes from a point on; from the start without a state, at position 0. Errc::corrupt if the point is not
  // one of this format.
  Result<std::unique_ptr<Decoder>> (*resume)(BlobPtr blob, std::uint64_t position, ByteView state);
  // Any byte of the blob is a point without a state.
  bool starts_anywhere = false;
};

// nullptr for a number that is none of Compression.
const Codec* find_codec(Compression compression) noexcept;

// Returns the compression by the blob's first bytes. Fails if they cannot be read.
Result<Compression> compression_of(const Blob& blob);

// As Codec::start_indexing of a compression.
std::unique_ptr<IndexingDecoder> start_indexing(Compression compression, ByteSource& source,
                                                std::uint64_t spacing);

// As Codec::resume; Errc::corrupt also for a compression that is none.
Result<std::unique_ptr<Decoder>> resume(Compression compression, BlobPtr blob, std::uint64_t position,
                                        ByteView state);
// At a point of `index`.
Result<std::unique_ptr<Decoder>> resume_at(const PointRecord& point, const StreamIndex& index, BlobPtr blob);

}  // namespace layoutfs
