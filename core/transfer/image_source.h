// Where an image is copied from.
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

// A manifest or an index, byte for byte. Of the descriptor the media type may be empty; of the primary one it
// is that by which it was found, with its annotations and its platform.
struct RawManifest {
  Bytes bytes;
  Descriptor descriptor;
};

// A blob on its way. Its content is as the source has it: whoever stores it verifies it.
struct SourceBlob {
  std::unique_ptr<ByteSource> content;
  std::optional<std::uint64_t> size;  // bytes that content is going to deliver; nothing where nobody knows
  // The same content where it lies in a file of this machine, for PutBlobOptions::local; else null.
  BlobPtr local;
};

using Signature = Bytes;

// One image, or a list of images for several platforms: its primary manifest, the instances that this names,
// and their blobs. Thread-safe but for what it says otherwise; the destructor closes it.
class ImageSource : public BlobChunkAccessor {
 public:
  // What was opened, for people.
  virtual const std::string& reference() const noexcept = 0;
  // The primary manifest, or the `instance` of that digest. Whoever does not trust the source verifies it.
  virtual Result<RawManifest> get_manifest(const Digest& instance = {}, const Context& context = {}) = 0;
  // `cache`, where there is one, may be told where the blob is.
  virtual Result<SourceBlob> get_blob(const BlobInfo& info, BlobInfoCache* cache = nullptr,
                                      const Context& context = {}) = 0;
  // Whether any number of threads may call get_blob() at once.
  virtual bool has_thread_safe_get_blob() const noexcept = 0;
  // Of the primary manifest, or the instance; none unless the source has some.
  virtual Result<std::vector<Signature>> get_signatures(const Digest& instance = {},
                                                        const Context& context = {});
  // The layers to copy where they differ from those of the manifest, in their order and as often as they are
  // layers; nothing where the manifest's are right.
  virtual Result<std::optional<std::vector<BlobInfo>>> layer_infos_for_copy(const Digest& instance = {},
                                                                            const Context& context = {});
  virtual bool supports_get_blob_at() const noexcept { return false; }
  // Errc::unsupported
  Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info, std::span<const BlobChunk> chunks,
                                                   const Context& context = {}) override;
};

// Brings what a URL of a foreign layer names; called by any thread.
using UrlOpener = std::function<Result<SourceBlob>(const std::string& url, const Context& context)>;

struct SourceOptions {
  // This library has no network. Of a foreign layer, the blob is taken where it is in the store; where it is
  // not, this is asked for its URLs that begin with http:// or https:// (RFC 3986: in any case), in their
  // order, until one can be had. Without it, or where there is no such URL, Errc::not_found names the URLs;
  // where none can be had, the error is that of the last one.
  UrlOpener open_url;
  // Where several entries of a layout have one name, and differ in their platforms: which one is meant. In a
  // registry a tag names one manifest: another platform than the host's is Errc::unsupported.
  Platform platform = host_platform();
  // Of locations in a BlobInfoCache: one for each store that must not be taken for another. See `transport`.
  std::string scope;
};

// The transports of a BlobInfoCache by which the sources and destinations here record blobs. The location is
// the repository of a registry, and empty in a layout.
inline constexpr std::string_view kLayoutTransport = "oci-layout";
inline constexpr std::string_view kRegistryTransport = "oci-registry";

// What `reference` means is what find_reference finds: empty for the only image, a name, "@N", a digest.
// Errc::not_found, Errc::ambiguous; Errc::unsupported for an entry that is neither a manifest nor an index.
//
// It is thread-safe throughout. Manifests are verified; blobs are not. Chunks of blobs are read where they
// lie; those of a foreign layer that is not there are Errc::not_found.
Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<const LayoutReader> reader,
                                                 std::string_view reference, SourceOptions options = {});
// Likewise, from a repository; `reference` is a tag or a digest. RegistryCode::name_invalid,
// RegistryCode::name_unknown, RegistryCode::manifest_unknown.
Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<Registry> registry, std::string repository,
                                                 std::string_view reference, SourceOptions options = {});

// Of all that the layout has, for who copies several images: get_manifest() needs an instance
// (Errc::digest_invalid).
struct WholeSourceOptions {  // as in SourceOptions; nothing is chosen by a platform here
  UrlOpener open_url;
  std::string scope;
};
std::unique_ptr<ImageSource> open_whole_source(std::shared_ptr<const LayoutReader> reader,
                                               WholeSourceOptions options = {});

// What open_source can be asked for.
struct ListedImage {
  std::string reference;  // its name where no other entry has that, else "@N"
  Descriptor descriptor;
};
// Every entry that can be an image, in their order: manifests and indexes, and what does not say what it is.
Result<std::vector<ListedImage>> list_images(const LayoutReader& reader, const Context& context = {});

}  // namespace layoutfs
