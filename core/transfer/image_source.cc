// Default implementations of sources.
#include "core/transfer/image_source.h"

namespace layoutfs {

Result<std::vector<Signature>> ImageSource::get_signatures(const Digest&, const Context&) {
  return std::vector<Signature>();
}

Result<std::optional<std::vector<BlobInfo>>> ImageSource::layer_infos_for_copy(const Digest&,
                                                                               const Context&) {
  return std::nullopt;
}

Result<std::unique_ptr<ChunkStream>> ImageSource::get_blob_at(const BlobInfo&, std::span<const BlobChunk>,
                                                              const Context&) {
  return fail(Errc::unsupported, reference() + ": partial reads are not supported");
}

}  // namespace layoutfs
