// The common part of sources in layouts and registries: local blobs.
#pragma once

#include <string>
#include <string_view>

#include "core/transfer/image_source.h"

namespace layoutfs {

// Provides the content of a blob store. Thread-safe.
class StoreSource : public ImageSource {
 public:
  StoreSource(std::string reference, SourceOptions options)
      : reference_(std::move(reference)), options_(std::move(options)) {}

  const std::string& reference() const noexcept final { return reference_; }
  Result<SourceBlob> get_blob(const BlobInfo& info, BlobInfoCache* cache, const Context& context) final;
  bool has_thread_safe_get_blob() const noexcept final { return true; }
  bool supports_get_blob_at() const noexcept final { return true; }
  Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info, std::span<const BlobChunk> chunks,
                                                   const Context& context) final;

 protected:
  // Errc::not_found if the store does not have it.
  virtual Result<BlobPtr> open_blob(const Digest& digest) const = 0;
  // Recorded in the cache for such blobs.
  virtual std::string_view transport() const noexcept = 0;
  virtual std::string_view location() const noexcept = 0;

 private:
  std::string reference_;
  SourceOptions options_;
};

// Returns whether an entry of this media type may be an image; true if it is empty.
bool can_be_image(std::string_view media_type);

}  // namespace layoutfs
