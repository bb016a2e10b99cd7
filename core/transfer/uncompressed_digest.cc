#include "core/transfer/uncompressed_digest.h"

#include <limits>
#include <utility>

#include "core/codec/codec.h"
#include "core/image/cached_tables.h"
#include "core/layer/hashing_source.h"
#include "core/layer/layer_index.h"

namespace layoutfs {
namespace {

constexpr std::size_t kDecodeSize = std::size_t{512} << 10;
// No access points are needed.
constexpr std::uint64_t kNoPoints = std::numeric_limits<std::uint64_t>::max();

// Returns an empty digest if there is no index, or if it has another algorithm.
Digest by_index(const Digest& layer, Algorithm algorithm, const IndexCache& cache) {
  const auto index = open_cached_index(cache, layer);
  if (!index || index->tables->diff_id().algorithm() != algorithm) return {};
  return index->tables->diff_id();
}

Result<Digest> decoded(Compression compression, HashingSource& source, Algorithm algorithm) {
  const auto decoder = start_indexing(compression, source, kNoPoints);
  Hasher hasher(algorithm);
  for (Bytes buffer(kDecodeSize);;) {
    const auto step = decoder->step(buffer);
    if (!step) return fail(Error(step.error()));
    hasher.update(ByteView(buffer).first(step->size));
    if (step->end) return hasher.finish();
  }
}

}  // namespace

Result<Digest> uncompressed_digest(const Provider& provider, const Digest& layer, Algorithm algorithm,
                                   const IndexCache& cache, const Context& context) {
  if (Digest known = by_index(layer, algorithm, cache); !known.empty()) return known;
  const auto blob = provider.get_blob(layer);
  if (!blob) return fail(Error(blob.error()));
  const auto compression = compression_of(**blob);
  if (!compression) return fail(Error(compression.error()));
  HashingSource source(*blob, layer.algorithm(), [&](std::uint64_t) { return context.check(); });
  auto digest = decoded(*compression, source, algorithm);
  if (!digest) return fail(std::move(digest).error(), layer.str());
  // Data after the stream belongs to the blob.
  auto hasher = source.finish();
  if (!hasher) return fail(std::move(hasher).error(), layer.str());
  if (const Digest found = hasher->finish(); found != layer)
    return fail(Errc::corrupt, layer.str() + ": content has digest " + found.str());
  return digest;
}

}  // namespace layoutfs
