// The source of a copied image.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/transfer/blob_chunks.h"
#include "core/transfer/blob_info.h"
#include "core/transfer/blob_info_cache.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/layout_reader.h"
#include "layoutfs/platform.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// A manifest or an index, byte for byte. The descriptor's media type may be empty. The primary manifest has
// the descriptor by which it was found, with its annotations and platform.
struct RawManifest {
  Bytes bytes;
  Descriptor descriptor;
};

// A blob during a copy. The source does not verify the content; the destination does.
struct SourceBlob {
  std::unique_ptr<ByteSource> content;
  std::optional<std::uint64_t> size;  // announced bytes of the content; nullopt if unknown
  // The same content as a local file, for PutBlobOptions::local; otherwise null.
  BlobPtr local;
};

using Signature = Bytes;

// One image, or an image for several platforms: its primary manifest, the instances that it refers to, and
// their blobs. Thread-safe unless documented otherwise; the destructor closes it.
class ImageSource : public BlobChunkAccessor {
 public:
  // Returns the name of the source, for messages.
  virtual const std::string& reference() const noexcept = 0;
  // Returns the primary manifest, or the `instance` with that digest. It is not verified if the source is not
  // trusted.
  virtual Result<RawManifest> get_manifest(const Digest& instance = {}, const Context& context = {}) = 0;
  // If `cache` is not null, records the location of the blob there.
  virtual Result<SourceBlob> get_blob(const BlobInfo& info, BlobInfoCache* cache = nullptr,
                                      const Context& context = {}) = 0;
  // Returns whether several threads may call get_blob() at the same time.
  virtual bool has_thread_safe_get_blob() const noexcept = 0;
  // Returns the signatures of the primary manifest or of the instance; none if the source has none.
  virtual Result<std::vector<Signature>> get_signatures(const Digest& instance = {},
                                                        const Context& context = {});
  // Returns the layers to copy if they differ from the manifest's, in order and with repetitions; nullopt if
  // the manifest's are right.
  virtual Result<std::optional<std::vector<BlobInfo>>> layer_infos_for_copy(const Digest& instance = {},
                                                                            const Context& context = {});
  virtual bool supports_get_blob_at() const noexcept { return false; }
  // Errc::unsupported
  Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info, std::span<const BlobChunk> chunks,
                                                   const Context& context = {}) override;
};

// Opens a URL of a foreign layer; called by any thread.
using UrlOpener = std::function<Result<SourceBlob>(const std::string& url, const Context& context)>;

struct SourceOptions {
  // The library has no network access. If the store has the blob of a foreign layer, it is used. Otherwise
  // this is called for its http:// and https:// URLs (RFC 3986: case-insensitive) in order, until one
  // succeeds. Errc::not_found, with the URLs, if this is null or there is no such URL. If all fail, the error
  // is that of the last one.
  UrlOpener open_url;
  // Selects among several entries of a layout with one name and different platforms. A tag of a registry
  // names one manifest: a platform other than the host's is Errc::unsupported.
  Platform platform = host_platform();
  // The scope of locations in a BlobInfoCache: one for each distinct store. See `transport`.
  std::string scope;
};

// The transports with which these sources and destinations record blobs in a BlobInfoCache. The location is
// the repository in a registry, and empty in a layout.
inline constexpr std::string_view kLayoutTransport = "oci-layout";
inline constexpr std::string_view kRegistryTransport = "oci-registry";

// Returns an image of a layout as a source. `reference` is resolved by find_reference: empty for the only
// image, a name, "@N", or a digest. Errc::not_found, Errc::ambiguous. Errc::unsupported if the entry is
// neither a manifest nor an index.
//
// It is completely thread-safe. Manifests are verified, blobs are not. Chunks of blobs are read by offset;
// Errc::not_found for those of a missing foreign layer.
Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<const LayoutReader> reader,
                                                 std::string_view reference, SourceOptions options = {});
// The same for a repository; `reference` is a tag or a digest. RegistryCode::name_invalid,
// RegistryCode::name_unknown, RegistryCode::manifest_unknown.
Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<Registry> registry, std::string repository,
                                                 std::string_view reference, SourceOptions options = {});

// Returns the whole layout as a source, for copies of several images: get_manifest() requires an instance
// (Errc::digest_invalid).
struct WholeSourceOptions {  // as in SourceOptions; there is no choice by platform
  UrlOpener open_url;
  std::string scope;
};
std::unique_ptr<ImageSource> open_whole_source(std::shared_ptr<const LayoutReader> reader,
                                               WholeSourceOptions options = {});

// An image for open_source.
struct ListedImage {
  std::string reference;  // its name if no other entry has it, otherwise "@N"
  Descriptor descriptor;
};
// Returns all entries that may be images, in order: manifests, indexes, and entries without a media type.
Result<std::vector<ListedImage>> list_images(const LayoutReader& reader, const Context& context = {});

}  // namespace layoutfs
