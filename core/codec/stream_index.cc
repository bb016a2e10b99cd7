// Validates tables of access points.
#include "core/codec/stream_index.h"

#include <limits>

#include "core/codec/codec.h"

namespace layoutfs {

namespace {

// Returns whether `offset` and `size` lie inside `whole`; their sum may overflow.
bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) noexcept {
  return offset <= whole && size <= whole - offset;
}

bool points_are_consistent(const StreamIndex& index, std::uint64_t blob_size) noexcept {
  constexpr std::uint64_t kMostBytes = std::numeric_limits<std::uint64_t>::max() / 8;
  if (blob_size > kMostBytes) return false;
  const PointRecord* previous = nullptr;
  for (const PointRecord& point : index.points) {
    // A point at the very end is valid: a format may end with an empty block, as Go's gzip does.
    if (point.offset > index.size || point.position > blob_size * 8) return false;
    if (!is_inside(point.state_offset, point.state_size, index.states.size())) return false;
    if (previous == nullptr ? point.offset != 0
                            : point.offset <= previous->offset || point.position < previous->position)
      return false;
    previous = &point;
  }
  return true;
}

// Each span starts at its point or follows another span of that point, so a decoder reaches the span by
// decoding whole spans.
bool spans_are_consistent(const StreamIndex& index) noexcept {
  for (std::size_t number = 0; number < index.spans.size(); ++number) {
    const SpanRecord& span = index.spans[number];
    if (span.offset > index.size || span.point >= index.points.size()) return false;
    const std::uint64_t end = index.span_end(number);
    const std::uint64_t most =
        index.checks.kind_of(number) == SpanCheck::sha256 ? kMaxChunkSize : kMaxSpanSize;
    if (end < span.offset || end - span.offset > most) return false;
    const bool starts_at_point = index.points[span.point].offset == span.offset;
    if (number == 0) {
      if (span.offset != 0 || !starts_at_point) return false;
      continue;
    }
    const SpanRecord& previous = index.spans[number - 1];
    if (span.offset <= previous.offset || span.point < previous.point) return false;
    if (!starts_at_point && span.point != previous.point) return false;
  }
  return true;
}

bool check_is_consistent(const StreamIndex& index, std::size_t number) noexcept {
  const SpanChecks& checks = index.checks;
  switch (checks.kinds[number]) {
    case SpanCheck::xxh3:
      return true;
    case SpanCheck::sha256:
      return index.spans[number].digest[0] < checks.chunks.size();
    case SpanCheck::learned:
      return checks.learned != nullptr && checks.learned->size() == index.spans.size();
  }
  return false;
}

bool checks_are_consistent(const StreamIndex& index) noexcept {
  const std::size_t count = index.checks.kinds.size();
  if (count == 0) return true;
  if (count != index.spans.size()) return false;
  for (std::size_t number = 0; number < count; ++number)
    if (!check_is_consistent(index, number)) return false;
  return true;
}

}  // namespace

bool is_consistent(const StreamIndex& index, std::uint64_t blob_size) noexcept {
  if (find_codec(index.compression) == nullptr) return false;
  if ((index.size == 0) != index.spans.empty()) return false;
  // The size of a span depends on its check.
  return checks_are_consistent(index) && points_are_consistent(index, blob_size) &&
         spans_are_consistent(index);
}

bool is_right_span(const StreamIndex& index, std::uint64_t span, ByteView bytes, DecodedFrom from) {
  const SpanRecord& record = index.spans[span];
  const SpanChecks& checks = index.checks;
  switch (checks.kind_of(span)) {
    case SpanCheck::xxh3:
      return span_digest(bytes) == record.digest;
    case SpanCheck::sha256:
      return sha256_bytes(Digest::of(bytes, Algorithm::sha256)) == checks.chunks[record.digest[0]];
    case SpanCheck::learned: {
      const SpanDigest digest = span_digest(bytes);
      return from == DecodedFrom::blob ? checks.learned->learn(span, digest)
                                       : checks.learned->is_known(span, digest);
    }
  }
  return false;
}

}  // namespace layoutfs
