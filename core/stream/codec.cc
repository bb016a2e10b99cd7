// Chooses the codec of a compression.
#include "core/stream/codec.h"

#include <cstdlib>
#include <utility>

#include "core/stream/gzip.h"
#include "core/stream/plain.h"
#include "core/stream/zstd.h"

namespace layoutfs {

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

}  // namespace layoutfs
