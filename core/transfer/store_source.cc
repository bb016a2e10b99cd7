#include "core/transfer/store_source.h"

#include "core/transfer/foreign_layer.h"
#include "layoutfs/documents.h"

namespace layoutfs {

bool can_be_image(std::string_view media_type) {
  return media_type.empty() || document_kind(media_type) != DocumentKind::other ||
         is_artifact_type(media_type);
}

Result<SourceBlob> StoreSource::get_blob(const BlobInfo& info, BlobInfoCache* cache, const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto blob = open_blob(info.digest);
  const bool is_missing = !blob && blob.error().code() == Errc::not_found;
  if (is_missing && !info.urls.empty()) return open_foreign_layer(info, options_.open_url, context);
  if (!blob) return fail(std::move(blob).error());
  if (cache != nullptr) cache->record_known_location(transport(), options_.scope, info.digest, location());
  return SourceBlob{
      .content = std::make_unique<BlobSource>(*blob), .size = (*blob)->size(), .local = std::move(*blob)};
}

Result<std::unique_ptr<ChunkStream>> StoreSource::get_blob_at(const BlobInfo& info,
                                                              std::span<const BlobChunk> chunks,
                                                              const Context& context) {
  if (auto valid = validate_chunks(chunks, info.size); !valid) return fail(std::move(valid).error());
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto blob = open_blob(info.digest);
  if (!blob) return fail(std::move(blob).error());
  return chunks_of(std::move(*blob), {chunks.begin(), chunks.end()});
}

}  // namespace layoutfs
