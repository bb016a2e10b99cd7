// The table of compressions.
#include "core/codec/codec.h"

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

}  // namespace layoutfs
