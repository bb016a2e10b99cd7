// The index of a compressed stream: access points and spans, as tables.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "core/base/compression.h"
#include "core/codec/span_check.h"
#include "core/codec/span_digest.h"
#include "layoutfs/bytes.h"

namespace layoutfs {

// A position at which decoding can start without the preceding data. Stored in index files in this form.
struct PointRecord {
  std::uint64_t offset;        // bytes from the start of the uncompressed stream
  std::uint64_t position;      // *bits* from the start of the blob
  std::uint64_t state_offset;  // byte offset in StreamIndex::states
  std::uint64_t state_size;    // bytes of the codec's state; may be 0
};

// A piece of the uncompressed stream that is decoded, verified and cached as one. Spans cover the stream
// without gaps. Each ends at the start of the next one, after at most kMaxSpanSize bytes (kMaxChunkSize if
// SHA-256 is used, because it covers a whole chunk). A span starts at every access point.
struct SpanRecord {
  std::uint64_t offset;  // bytes from the start of the uncompressed stream
  std::uint64_t point;   // the last access point at or before `offset`
  SpanDigest digest;     // XXH3 128 of the span, low and high half; other checks use it differently
};
static_assert(sizeof(PointRecord) == 32 && sizeof(SpanRecord) == 32);
static_assert(std::is_trivially_copyable_v<PointRecord> && std::is_trivially_copyable_v<SpanRecord>);

// Bytes of uncompressed stream. Inside of zstd frames, points are farther apart.
inline constexpr std::uint64_t kPointSpacing = std::uint64_t{512} << 10;
// A read of one byte waits until its span and the bytes between the access point and the span are decoded.
inline constexpr std::uint64_t kMaxSpanSize = std::uint64_t{128} << 10;
// The default chunk size of eStargz is 4 MiB.
inline constexpr std::uint64_t kMaxChunkSize = std::uint64_t{4} << 20;

// Immutable views into an index; `owner` keeps them alive.
struct StreamIndex {
  Compression compression = Compression::none;
  std::uint64_t size = 0;               // of the uncompressed stream
  std::span<const PointRecord> points;  // ascending; the first one is at offset 0 (unless size is 0)
  std::span<const SpanRecord> spans;    // ascending; the first one is at offset 0 (unless size is 0)
  ByteView states;
  SpanChecks checks = {};
  std::shared_ptr<const void> owner;

  // Returns the end of span `number`, in bytes from the start of the stream.
  std::uint64_t span_end(std::size_t number) const noexcept {
    return number + 1 < spans.size() ? spans[number + 1].offset : size;
  }
};

// Returns whether the tables satisfy the rules above for a blob of `blob_size` bytes. If so, a reader may
// trust them. Cost: linear in the tables.
bool is_consistent(const StreamIndex& index, std::uint64_t blob_size) noexcept;

enum class DecodedFrom : std::uint8_t { blob, copy };
// Returns whether `bytes` are those of the span, by its kind of check. The first bytes of a learned span that
// are decoded from the blob are accepted and remembered; before that, bytes from a copy of the stream are
// refused. Thread-safe. Cost: one hash.
bool is_right_span(const StreamIndex& index, std::uint64_t span, ByteView bytes,
                   DecodedFrom from = DecodedFrom::blob);

}  // namespace layoutfs
