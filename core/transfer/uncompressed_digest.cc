#include "core/transfer/uncompressed_digest.h"

#include <utility>

#include "core/codec/codec.h"
#include "core/image/cached_tables.h"
#include "core/layer/decode_layer.h"
#include "core/layer/layer_index.h"

namespace layoutfs {
namespace {

// Returns an empty digest if there is no index, or if it has another algorithm.
Digest by_index(const Digest& layer, Algorithm algorithm, const IndexCache& cache) {
  const auto index = open_cached_index(cache, layer);
  if (!index || index->tables->diff_id().algorithm() != algorithm) return {};
  return index->tables->diff_id();
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
  Hasher plain(algorithm);
  auto decoded = decode_layer(
      *compression, source, (*blob)->size(), [&plain](ByteView bytes) { plain.update(bytes); },
      [&context] { return context.check(); });
  if (!decoded) return fail(std::move(decoded).error(), layer.str());
  // Data after the stream belongs to the blob.
  auto hasher = source.finish();
  if (!hasher) return fail(std::move(hasher).error(), layer.str());
  if (const Digest found = hasher->finish(); found != layer)
    return fail(Errc::corrupt, layer.str() + ": content has digest " + found.str());
  return plain.finish();
}

}  // namespace layoutfs
