// Where an image is copied to.
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
  std::vector<std::string> supported_manifest_types;  // empty: any may be tried
  LayerCompression desired_layer_compression = LayerCompression::preserve_original;
  // Whether layers that have URLs need not be put.
  bool accepts_foreign_layer_urls = true;
  bool must_match_runtime_os = false;
  bool ignores_embedded_docker_reference = false;
  // Whether any number of threads may put and reuse blobs at once.
  bool has_thread_safe_put_blob = true;
};

// What is known of a blob that is put. All of it may be left out.
struct PutBlobOptions {
  BlobInfoCache* cache = nullptr;  // to be told of the blob
  // A config is no layer (Errc::invalid_argument with the next two), and no larger than a document may be
  // (Errc::unsupported).
  bool is_config = false;
  // A layer that need not be there as a blob: stores verify it and do not store it. A manifest that names one
  // that is not there otherwise is refused: RegistryCode::manifest_blob_unknown.
  bool is_empty_layer = false;
  std::optional<std::size_t> layer_index;  // from 0, where it is a layer; errors name it
  // The content again, as a blob of this machine: a destination may take this, and share its blocks on the
  // disk, without reading the stream.
  BlobPtr local;
};

struct TryReusingBlobOptions {
  BlobInfoCache* cache = nullptr;  // to be asked, and told
  bool can_substitute = false;     // whether the same layer in another compression will do
  // Whether the content of every present blob is verified, and not only of those that is_verified_always()
  // names (present_blob.h).
  bool verifies_all = false;
  bool is_empty_layer = false;  // as in PutBlobOptions: one of known size is taken for reused
  std::optional<std::size_t> layer_index;
  // The image that the blob is from: its repository is looked into too. A layout has one pool of blobs, so
  // all of it is looked into anyway.
  std::optional<RegistryReference> source_reference;
};

struct PutManifestOptions {
  // By what it is to be known: the media type (empty: what the document says, or looks like), its annotations
  // and its platform, which the entry gets, and the digest, which the bytes must have (Errc::digest_invalid);
  // empty: that of kBlobAlgorithm. The name among the annotations and the size count for nothing.
  Descriptor descriptor;
  // Whether it is one of those that the primary manifest names.
  bool is_instance = false;
};

// The order is: blobs, put or reused; manifests, the instances first; signatures; commit(). What was put may
// be there, and may stay, without commit(), but under no name. Where blobs may be put by several threads
// DestinationProperties says so; the rest is for one thread at a time. The destructor closes it.
class ImageDestination {
 public:
  virtual ~ImageDestination() = default;
  // What was opened, for people.
  virtual const std::string& reference() const noexcept = 0;
  virtual const DestinationProperties& properties() const noexcept = 0;

  // Stores what `content` delivers; nobody can see any of it under its digest before the end was seen and all
  // of it was verified. The digest and the size of `info`, where it has them, must be the content's:
  // Errc::digest_invalid, Errc::size_invalid. After these, and whatever the content fails with, nothing of it
  // stays. The result has digest and size. That the blob was there is no error, and verified all the same.
  virtual Result<BlobInfo> put_blob_with_options(ByteSource& content, const BlobInfo& info,
                                                 const PutBlobOptions& options = {},
                                                 const Context& context = {}) = 0;

  virtual bool supports_put_blob_partial() const noexcept { return false; }
  // Makes the blob of what the destination has and of chunks, in one request, for the rest. `info` has the
  // digest. Errc::partial_fallback: it cannot be had that way, and nothing is left of the attempt; put all of
  // it. With other errors the next attempt may go on where this one has ended. Errc::unsupported.
  virtual Result<BlobInfo> put_blob_partial(BlobChunkAccessor& accessor, const BlobInfo& info,
                                            BlobInfoCache* cache = nullptr, const Context& context = {});

  // What the destination has and uses for the blob; nothing where it has to be put, which replaces a damaged
  // one. The result has digest and size, and where it is a substitute also how its compression differs.
  // `info` has the digest: Errc::digest_invalid.
  virtual Result<std::optional<BlobInfo>> try_reusing_blob_with_options(
      const BlobInfo& info, const TryReusingBlobOptions& options = {}, const Context& context = {}) = 0;

  // Of several primary manifests the last one counts.
  virtual Status put_manifest(ByteView manifest, const PutManifestOptions& options = {},
                              const Context& context = {}) = 0;

  // Errc::unsupported, with the reason, where put_signatures() takes none.
  virtual Status supports_signatures(const Context& context = {}) const;
  // Of the primary manifest, or the instance. Errc::unsupported for more than none.
  virtual Status put_signatures(std::span<const Signature> signatures, const Digest& instance = {},
                                const Context& context = {});

  // Names the image. Errc::failed_precondition without a primary manifest.
  virtual Status commit(const Context& context = {}) = 0;
};

// Bytes that a blob to be made has in common with one that is there.
struct SharedSpan {
  std::uint64_t offset = 0;  // in the blob to be made
  std::uint64_t length = 0;
  Digest from;                    // a blob of the destination
  std::uint64_t from_offset = 0;  // in that one
};
// Those of a blob, by their offsets, none over another. A hint: what is wrong in it costs time, no more, for
// the blob is verified whole.
using SpanFinder = std::function<std::vector<SharedSpan>(const BlobInfo& info)>;

// Of those that are of layouts only, a registry refuses each by its name: Errc::unsupported.
struct DestinationOptions {
  // Where commit() leaves the name of the image, for whoever copies many to write them all in one step. Null:
  // commit() writes it. Of layouts only.
  std::shared_ptr<ReferenceBatch> batch;
  // Where blobs and manifests are put, for whoever puts many: they are there from its flush() on, which
  // commit() does unless it leaves the name in a batch. Null: each is there at once. Of layouts only.
  std::shared_ptr<BlobBatch> blobs;
  // What put_blob_partial() may share. Called by any thread. Of layouts only.
  SpanFinder find_spans;
  // What becomes of what had the name before. Of layouts with an index.json only, and not with a batch, which
  // has its own (Errc::invalid_argument).
  ReplacedEntry replaced = ReplacedEntry::unnamed;
  // As SourceOptions::scope.
  std::string scope;
};

// The image becomes the reference `name` of a layout, or an entry without a name where that is empty.
// Errc::invalid_argument for a name that breaks the grammar (is_reference_name).
//
// Blobs can be put by several threads at once, and partially: from an earlier attempt that was interrupted,
// from spans of other blobs, and from chunks. Manifests are blobs at once, and entries by commit().
Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Engine> engine, std::string name,
                                                           DestinationOptions options = {});
// The image becomes the tag `tag` of a repository, or a manifest without a tag where that is empty.
// RegistryCode::name_invalid.
//
// Blobs can be put by several threads at once. A blob that another repository of the registry has is mounted,
// where the cache knows which one. Instances are stored as blobs: the index that commit() pushes makes
// manifests of them, and they go with it.
Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Registry> registry,
                                                           std::string repository, std::string tag,
                                                           DestinationOptions options = {});

}  // namespace layoutfs
