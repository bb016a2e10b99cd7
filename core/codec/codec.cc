// The table of compressions.
#include "core/codec/codec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/check.h"
#include "core/codec/gzip.h"
#include "core/codec/plain.h"
#include "core/codec/zstd.h"

namespace layoutfs {
namespace {

// In the order of Compression.
constexpr std::array kCodecs{
    Codec{.compression = Compression::none,
          .start_indexing = start_indexing_plain,
          .resume = resume_plain,
          .starts_anywhere = true},
    Codec{.compression = Compression::gzip, .start_indexing = start_indexing_gzip, .resume = resume_gzip},
    Codec{.compression = Compression::zstd, .start_indexing = start_indexing_zstd, .resume = resume_zstd},
};

constexpr bool is_in_order() noexcept {
  for (std::size_t i = 0; i < kCodecs.size(); ++i)
    if (kCodecs[i].compression != static_cast<Compression>(i)) return false;
  return true;
}
static_assert(is_in_order());

// Bytes of stream that libraries decode before they are asked for: an error of these comes early. ISA-L has a
// buffer of 64 KiB, libzstd one of two blocks.
constexpr std::uint64_t kDecodedAhead = std::uint64_t{256} << 10;

}  // namespace

const Codec* find_codec(Compression compression) noexcept {
  const auto i = static_cast<std::size_t>(compression);
  return i < kCodecs.size() ? &kCodecs[i] : nullptr;
}

Result<Compression> compression_of(const Blob& blob) {
  std::array<std::byte, 16> front;
  const auto size = blob.read_at(front, 0);
  if (!size) return fail(Error(size.error()));
  return detect_compression(ByteView(front).first(*size));
}

std::unique_ptr<IndexingDecoder> start_indexing(Compression compression, ByteSource& source,
                                                std::uint64_t spacing) {
  const Codec* const codec = find_codec(compression);
  check(codec != nullptr, "a compression has a codec");
  return codec->start_indexing(source, spacing);
}

Result<std::unique_ptr<Decoder>> resume(Compression compression, BlobPtr blob, std::uint64_t position,
                                        ByteView state, std::unique_ptr<Decoder> ended) {
  const Codec* const codec = find_codec(compression);
  if (codec == nullptr) return fail(Errc::corrupt, "unknown compression");
  return codec->resume(std::move(blob), position, state, std::move(ended));
}

Result<std::unique_ptr<Decoder>> resume_at(const PointRecord& point, const StreamIndex& index, BlobPtr blob,
                                           std::unique_ptr<Decoder> ended) {
  return resume(index.compression, std::move(blob), point.position,
                index.states.subspan(point.state_offset, point.state_size), std::move(ended));
}

bool distrust_span(const Blob& blob, const StreamIndex& index, std::uint64_t number) noexcept {
  const SpanRecord& span = index.spans[number];
  if (find_codec(index.compression)->starts_anywhere)
    return blob.distrust(span.offset, index.span_end(number) - span.offset);
  const std::uint64_t begin = index.points[span.point].position / 8;
  const std::uint64_t last =
      span.point + 1 < index.points.size() ? index.points[span.point + 1].offset : index.size;
  const auto end = std::ranges::lower_bound(index.points, last + kDecodedAhead, {}, &PointRecord::offset);
  // The point may lie inside of a byte.
  const std::uint64_t behind = end == index.points.end() ? blob.size() : end->position / 8 + 1;
  return blob.distrust(begin, std::min(behind, blob.size()) - begin);
}

}  // namespace layoutfs
