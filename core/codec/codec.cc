// Chooses the codec of a compression.
#include "core/codec/codec.h"

#include <array>
#include <cstdlib>
#include <utility>

#include "core/codec/gzip.h"
#include "core/codec/plain.h"
#include "core/codec/zstd.h"

namespace layoutfs {

Result<Compression> compression_of(const Blob& blob) {
  std::array<std::byte, 16> front;
  const auto size = blob.read_at(front, 0);
  if (!size) return fail(Error(size.error()));
  return detect_compression(ByteView(front).first(*size));
}

std::unique_ptr<IndexingDecoder> start_indexing(Compression compression, ByteSource& source,
                                                std::uint64_t spacing) {
  switch (compression) {
    case Compression::none:
      return start_indexing_plain(source, spacing);
    case Compression::gzip:
      return start_indexing_gzip(source, spacing);
    case Compression::zstd:
      return start_indexing_zstd(source, spacing);
  }
  std::abort();
}

Result<std::unique_ptr<Decoder>> resume(Compression compression, BlobPtr blob, std::uint64_t position,
                                        ByteView state) {
  switch (compression) {
    case Compression::none:
      return resume_plain(std::move(blob), position, state);
    case Compression::gzip:
      return resume_gzip(std::move(blob), position, state);
    case Compression::zstd:
      return resume_zstd(std::move(blob), position, state);
  }
  return fail(Errc::corrupt, "unknown compression");
}

Result<std::unique_ptr<Decoder>> resume_at(const PointRecord& point, const StreamIndex& index, BlobPtr blob) {
  return resume(index.compression, std::move(blob), point.position,
                index.states.subspan(point.state_offset, point.state_size));
}

}  // namespace layoutfs
