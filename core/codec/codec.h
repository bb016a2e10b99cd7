// The compressions of layers, one table row each: finding access points, and decoding from one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/compression.h"
#include "core/codec/stream_index.h"
#include "layoutfs/blob.h"
#include "layoutfs/bytes.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Opens the blob before decoding, so that unused layers hold no descriptor open.
using BlobOpener = std::function<Result<BlobPtr>()>;

// Decodes in order. For one thread at a time.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out`; returns fewer bytes only at the end of the stream. Errc::corrupt if the stream is invalid or
  // truncated.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
  // Returns the memory in use in bytes, as far as it is more than a few buffers.
  virtual std::size_t memory() const noexcept { return kBuffersOfDecoder; }
  static constexpr std::size_t kBuffersOfDecoder = std::size_t{512} << 10;
  // Lets go of the blob: only Codec::resume of the returned compression may use the decoder again. Returns
  // nullopt if that would save nothing.
  virtual std::optional<Compression> end() noexcept { return std::nullopt; }
};

// An access point found by an IndexingDecoder, at the end of the step that reports it.
struct FoundPoint {
  std::uint64_t position;  // bits from the start of the blob
  // Returns the state for Codec::resume, nullopt if decoding from here gives other bytes, so that it is not a
  // point. `following` is the known part of the stream from here on. Call it at most once. Any thread may
  // call it, even after the decoder was destroyed, but only for one point of a decoder at a time. Cost: up to
  // decoding a few windows. step() may wait until this call returns or the point is destroyed, so call it in
  // another thread, or before the next step.
  std::move_only_function<std::optional<Bytes>(ByteView following)> make_state;
};

// An access point that was chosen when the stream after it was known.
struct LatePoint {
  std::uint64_t offset;    // bytes from the start of the uncompressed stream
  std::uint64_t position;  // bits from the start of the blob
  Bytes state;             // for Codec::resume
};

// Decodes a whole blob once and reports access points. The start of the stream is an implicit point (bit 0,
// no state).
class IndexingDecoder {
 public:
  virtual ~IndexingDecoder() = default;
  struct Step {
    std::size_t size = 0;             // bytes written to `out`; 0 only with `end` or at a point
    bool end = false;                 // the stream is complete, and its padding is valid
    std::optional<FoundPoint> point;  // decoding can start after these bytes
    // Offsets in the uncompressed stream, ascending, from the first of these bytes on to before the last one.
    // Each may become the offset of a LatePoint, so a span has to start there.
    std::vector<std::uint64_t> boundaries = {};
    // If set, returns the points that are now decided, in the order of the stream, each at a boundary of this
    // step or of an earlier one. Call it at most once, and in the order of the steps; any thread may call it,
    // even after the decoder was destroyed, but only one search of a decoder at a time. Cost: reading the
    // step's bytes once or twice. If a search is left out, do not call those after it.
    std::move_only_function<std::vector<LatePoint>()> search = {};
  };
  // Errc::corrupt as in Decoder::read. After `end`, `source` may still have padding that was not read: the
  // caller reads and hashes the rest of the blob.
  virtual Result<Step> step(std::span<std::byte> out) = 0;
};

// A row of the table in codec.cc. Names, magic numbers and media types are in core/base/compression.cc.
// Layers are compressed in core/commit.
struct Codec {
  Compression compression;
  // Decodes from the start and finds access points. `source` delivers the whole blob and must outlive the
  // decoder. Reports a point about every `spacing` bytes of uncompressed stream if the format permits.
  std::unique_ptr<IndexingDecoder> (*start_indexing)(ByteSource& source, std::uint64_t spacing);
  // Decodes from a point, or from the start if `position` is 0 and there is no state. `ended`: a decoder of
  // the same codec whose memory is used again, or nullptr. Errc::corrupt if the point does not belong to this
  // format.
  Result<std::unique_ptr<Decoder>> (*resume)(BlobPtr blob, std::uint64_t position, ByteView state,
                                             std::unique_ptr<Decoder> ended);
  // Every byte of the blob is a point without a state.
  bool starts_anywhere = false;
};

// Returns nullptr if the number is not a Compression.
const Codec* find_codec(Compression compression) noexcept;

// Returns the compression by the first bytes of the blob. Fails if they cannot be read.
Result<Compression> compression_of(const Blob& blob);

// Like Codec::start_indexing of that compression.
std::unique_ptr<IndexingDecoder> start_indexing(Compression compression, ByteSource& source,
                                                std::uint64_t spacing);

// Like Codec::resume; Errc::corrupt if it is not a compression.
Result<std::unique_ptr<Decoder>> resume(Compression compression, BlobPtr blob, std::uint64_t position,
                                        ByteView state, std::unique_ptr<Decoder> ended = nullptr);
// Resumes at a point of `index`.
Result<std::unique_ptr<Decoder>> resume_at(const PointRecord& point, const StreamIndex& index, BlobPtr blob,
                                           std::unique_ptr<Decoder> ended = nullptr);

// The error of a decoder may come from wrong bytes of the blob.
inline bool can_be_damage(const Error& error) noexcept {
  return error.code() == Errc::corrupt || error.code() == Errc::unsupported;
}
// Reports the bytes of the blob that a decoder of span `number` reads: from its access point up to one behind
// the span. Returns the result of Blob::distrust().
bool distrust_span(const Blob& blob, const StreamIndex& index, std::uint64_t number) noexcept;

}  // namespace layoutfs
