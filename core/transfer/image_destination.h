// The destination of a copied image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/oci/repository_names.h"
#include "core/transfer/blob_chunks.h"
#include "core/transfer/blob_info.h"
#include "core/transfer/blob_info_cache.h"
#include "core/transfer/image_source.h"
#include "core/transfer/reference_batch.h"
#include "layoutfs/blob_batch.h"
#include "layoutfs/bytes.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"
#include "layoutfs/registry.h"

namespace layoutfs {

struct DestinationProperties {
  std::vector<std::string> supported_manifest_types;  // empty: try any
  LayerCompression desired_layer_compression = LayerCompression::preserve_original;
  // Whether layers with URLs need not be put.
  bool accepts_foreign_layer_urls = true;
  bool must_match_runtime_os = false;
  bool ignores_embedded_docker_reference = false;
  // Whether several threads may put and reuse blobs at the same time.
  bool has_thread_safe_put_blob = true;
};

// Known properties of a blob; all are optional.
struct PutBlobOptions {
  BlobInfoCache* cache = nullptr;  // gets the location of the blob
  // A config is not a layer (Errc::invalid_argument together with the next two), and not larger than a
  // document (Errc::unsupported).
  bool is_config = false;
  // A layer that need not exist as a blob: stores verify it without storing it.
  // RegistryCode::manifest_blob_unknown if a manifest names one that does not exist.
  bool is_empty_layer = false;
  std::optional<std::size_t> layer_index;  // from 0, if it is a layer; used in messages
  // The same content as a local blob: a destination may share its disk blocks instead of reading the stream.
  BlobPtr local;
};

struct TryReusingBlobOptions {
  BlobInfoCache* cache = nullptr;  // provides and gets locations
  bool can_substitute = false;     // whether the same layer in another compression is accepted
  // Verify the content of every existing blob, not only if is_verified_always() (present_blob.h).
  bool verifies_all = false;
  bool is_empty_layer = false;  // as in PutBlobOptions: if its size is known, it counts as reused
  std::optional<std::size_t> layer_index;
  // The image of the blob: its repository is searched, too. A layout has one pool of blobs, so this makes no
  // difference there.
  std::optional<RegistryReference> source_reference;
};

struct PutManifestOptions {
  // Properties of the manifest: its media type (empty: determined from the document), the annotations and
  // platform of its entry, and its digest, which must match (Errc::digest_invalid; empty: computed with
  // kBlobAlgorithm). The name among the annotations and the size are ignored.
  Descriptor descriptor;
  // Whether the primary manifest refers to it.
  bool is_instance = false;
};

// Call in this order: blobs, put or reused; manifests, instances first; signatures; commit(). Without
// commit(), content may be stored, but without a name. Several threads may put blobs if DestinationProperties
// allow it; all else is for one thread at a time. The destructor closes it.
class ImageDestination {
 public:
  virtual ~ImageDestination() = default;
  // Returns the name of the destination, for messages.
  virtual const std::string& reference() const noexcept = 0;
  virtual const DestinationProperties& properties() const noexcept = 0;

  // Stores `content`. It becomes visible under its digest only after all of it was verified.
  // Errc::digest_invalid or Errc::size_invalid if it does not match the digest and size in `info`. After an
  // error nothing is stored. Returns digest and size. If the blob already exists, this succeeds; the content
  // is verified anyway.
  virtual Result<BlobInfo> put_blob_with_options(ByteSource& content, const BlobInfo& info,
                                                 const PutBlobOptions& options = {},
                                                 const Context& context = {}) = 0;

  virtual bool supports_put_blob_partial() const noexcept { return false; }
  // Assembles the blob from content of the destination and, with one request, chunks for the rest. `info`
  // must have a digest. Errc::partial_fallback if that is impossible; nothing is stored, and the whole blob
  // must be put. After other errors, the next attempt may resume. Errc::unsupported.
  virtual Result<BlobInfo> put_blob_partial(BlobChunkAccessor& accessor, const BlobInfo& info,
                                            BlobInfoCache* cache = nullptr, const Context& context = {});

  // Returns the existing blob to use; nullopt if it must be put, which replaces a damaged one. Returns digest
  // and size, and, if it is a substitute, its compression. Errc::digest_invalid if `info` has no digest.
  virtual Result<std::optional<BlobInfo>> try_reusing_blob_with_options(
      const BlobInfo& info, const TryReusingBlobOptions& options = {}, const Context& context = {}) = 0;

  // If there are several primary manifests, the last one wins.
  virtual Status put_manifest(ByteView manifest, const PutManifestOptions& options = {},
                              const Context& context = {}) = 0;

  // Errc::unsupported, with the reason, if put_signatures() is not supported.
  virtual Status supports_signatures(const Context& context = {}) const;
  // Signatures of the primary manifest or of the instance. Errc::unsupported unless the list is empty.
  virtual Status put_signatures(std::span<const Signature> signatures, const Digest& instance = {},
                                const Context& context = {});

  // Adds the name of the image. Errc::failed_precondition if there is no primary manifest.
  virtual Status commit(const Context& context = {}) = 0;
};

// A range of bytes that a new blob has in common with an existing one.
struct SharedSpan {
  std::uint64_t offset = 0;  // in the new blob
  std::uint64_t length = 0;
  Digest from;                    // a blob of the destination
  std::uint64_t from_offset = 0;  // in that blob
};
// Returns the shared ranges of a blob, sorted by offset, without overlaps. A hint: errors only cost time,
// because the whole blob is verified.
using SpanFinder = std::function<std::vector<SharedSpan>(const BlobInfo& info)>;

// A registry refuses the options that are only for layouts: Errc::unsupported, with the name of the option.
struct DestinationOptions {
  // Collects the name of the image at commit(), so that many names are written in one step. Null: commit()
  // writes it. Only for layouts.
  std::shared_ptr<ReferenceBatch> batch;
  // Collects blobs and manifests, which become visible at its flush(). commit() calls flush() unless it adds
  // the name to a batch. Null: each is visible immediately. Only for layouts.
  std::shared_ptr<BlobBatch> blobs;
  // Finds the ranges that put_blob_partial() may share. Called by any thread. Only for layouts.
  SpanFinder find_spans;
  // The treatment of the previous holder of the name. Only for layouts with an index.json, and not with a
  // batch, which has its own (Errc::invalid_argument).
  ReplacedEntry replaced = ReplacedEntry::unnamed;
  // Like SourceOptions::scope.
  std::string scope;
};

// Returns a destination that stores the image as the reference `name` of a layout, or as an entry without a
// name if it is empty. Errc::invalid_argument if the name breaks the grammar (is_reference_name).
//
// Several threads may put blobs at the same time. Blobs may be put partially: from an interrupted attempt,
// from ranges of other blobs, and from chunks. Manifests become blobs immediately, and entries at commit().
Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Engine> engine, std::string name,
                                                           DestinationOptions options = {});
// Returns a destination that stores the image as the tag `tag` of a repository, or as a manifest without a
// tag if it is empty. RegistryCode::name_invalid if a name is invalid.
//
// Several threads may put blobs at the same time. If the cache knows another repository of the registry with
// the blob, it is mounted from there. Instances are stored as blobs: pushing the index at commit() makes them
// manifests.
Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Registry> registry,
                                                           std::string repository, std::string tag,
                                                           DestinationOptions options = {});

}  // namespace layoutfs
