// References of a layout as destinations.
#include <set>
#include <utility>

#include "core/cas/reference_name.h"
#include "core/oci/present_blob.h"
#include "core/oci/reference.h"
#include "core/transfer/blob_options.h"
#include "core/transfer/compression.h"
#include "core/transfer/image_destination.h"
#include "core/transfer/partial_put.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {
namespace {

class LayoutDestination final : public ImageDestination {
 public:
  LayoutDestination(std::shared_ptr<Engine> engine, std::string name, DestinationOptions options)
      : engine_(std::move(engine)), name_(std::move(name)), options_(std::move(options)) {}

  const std::string& reference() const noexcept override { return name_; }
  const DestinationProperties& properties() const noexcept override { return properties_; }
  bool supports_put_blob_partial() const noexcept override { return true; }

  Result<BlobInfo> put_blob_with_options(ByteSource& content, const BlobInfo& info,
                                         const PutBlobOptions& options, const Context& context) override {
    if (auto checked = check_put_options(info, options); !checked) return fail(std::move(checked).error());
    auto stored = options.is_empty_layer ? empty_layers_.add(content, info, context)
                                         : store(content, info, options, context);
    return stored ? stored : fail(of_layer(std::move(stored).error(), options.layer_index));
  }

  Result<BlobInfo> put_blob_partial(BlobChunkAccessor& accessor, const BlobInfo& info, BlobInfoCache* cache,
                                    const Context& context) override {
    return finished(info, put_partial(*engine_, accessor, info, options_.find_spans, context), cache);
  }

  Result<std::optional<BlobInfo>> try_reusing_blob_with_options(const BlobInfo& info,
                                                                const TryReusingBlobOptions& options,
                                                                const Context& context) override {
    return empty_layers_.found_or_added(reuse(info, options, context), info, options);
  }

  Status put_manifest(ByteView manifest, const PutManifestOptions& options, const Context& context) override {
    Descriptor descriptor = options.descriptor;
    if (descriptor.media_type.empty()) descriptor.media_type = document_type_of(manifest);
    if (descriptor.media_type.empty())
      return fail(RegistryCode::manifest_invalid, "the document is neither a manifest nor an index");
    if (descriptor.digest.empty()) descriptor.digest = Digest::of(manifest);
    descriptor.size = manifest.size();
    const auto is_stored = [this](const Digest& digest) { return engine_->exists(digest); };
    if (auto checked = empty_layers_.check(manifest, is_stored); !checked) return checked;
    MemorySource content(manifest);
    const auto stored =
        put(content, {.digest = descriptor.digest, .size = descriptor.size, .context = context});
    if (!stored) return fail(Error(stored.error()));
    if (options.is_instance) return {};
    primary_ = std::move(descriptor);
    return {};
  }

  Status commit(const Context& context) override {
    if (!primary_) return fail(Errc::failed_precondition, "'" + name_ + "': commit() without a manifest");
    if (auto go_on = context.check(); !go_on) return go_on;
    if (options_.batch) {
      options_.batch->add(name_, *primary_);
      return {};
    }
    if (options_.blobs)
      if (auto flushed = options_.blobs->flush(context); !flushed) return flushed;
    ReferenceBatch batch(options_.replaced);
    batch.add(name_, *primary_);
    return batch.write(*engine_, {}, context);
  }

 private:
  Result<BlobInfo> store(ByteSource& content, const BlobInfo& info, const PutBlobOptions& options,
                         const Context& context) {
    PutOptions wanted{.digest = info.digest, .size = info.size, .context = context};
    if (!options.local) return finished(info, put(content, wanted), options.cache);
    if (!wanted.size) wanted.size = options.local->size();
    auto copied = options_.blobs ? options_.blobs->copy(options.local, wanted)
                                 : engine_->copy_blob(options.local, wanted);
    return finished(info, std::move(copied), options.cache);
  }

  Result<std::optional<BlobInfo>> reuse(const BlobInfo& info, const TryReusingBlobOptions& options,
                                        const Context& context) const {
    if (info.digest.empty()) return fail(Errc::digest_invalid, "reusing a blob requires its digest");
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    // If the sizes differ, putting the blob shows which one is wrong.
    const auto size = usable_blob_size(*engine_, info.digest,
                                       {.size = info.size,
                                        .media_type = info.media_type,
                                        .verifies_all = options.verifies_all,
                                        .context = context});
    if (!size) return fail(Error(size.error()));
    if (*size) {
      auto found = finished(info, PutResult{info.digest, **size}, options.cache);
      return std::optional(std::move(*found));
    }
    if (!options.can_substitute || options.cache == nullptr) return std::nullopt;
    return substitute(info, options, context);
  }

  Result<PutResult> put(ByteSource& content, const PutOptions& wanted) {
    return options_.blobs ? options_.blobs->put(content, wanted) : engine_->put_blob(content, wanted);
  }

  Result<BlobInfo> finished(BlobInfo info, Result<PutResult> put, BlobInfoCache* cache) const {
    if (!put) return fail(std::move(put).error());
    if (cache != nullptr) cache->record_known_location(kLayoutTransport, options_.scope, put->digest, "");
    info.digest = std::move(put->digest);
    info.size = put->size;
    return info;
  }

  // Finds another blob of the layout with the same uncompressed content.
  Result<std::optional<BlobInfo>> substitute(const BlobInfo& info, const TryReusingBlobOptions& options,
                                             const Context& context) const {
    BlobInfoCache& cache = *options.cache;
    std::vector<Digest> digests;
    for (auto& candidate : cache.candidate_locations(kLayoutTransport, options_.scope, info.digest, true))
      digests.push_back(std::move(candidate.digest));
    digests.push_back(cache.uncompressed_digest(info.digest));
    for (const Digest& digest : digests) {
      if (digest.empty() || digest == info.digest) continue;
      const auto blob = engine_->get_blob(digest);
      if (!blob && blob.error().code() == Errc::not_found) continue;
      if (!blob) return fail(Error(blob.error()));
      const auto usable = is_usable(*blob, digest,
                                    {.size = {},
                                     .media_type = info.media_type,
                                     .verifies_all = options.verifies_all,
                                     .context = context});
      if (!usable) return fail(Error(usable.error()));
      if (!*usable) continue;
      auto found = substituted(info, digest, **blob);
      if (!found) return fail(std::move(found).error());
      return std::optional(std::move(*found));
    }
    return std::nullopt;
  }

  std::shared_ptr<Engine> engine_;
  std::string name_;
  DestinationOptions options_;
  DestinationProperties properties_;
  EmptyLayers empty_layers_;
  std::optional<Descriptor> primary_;
};

}  // namespace

Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Engine> engine, std::string name,
                                                           DestinationOptions options) {
  if (!name.empty() && !is_reference_name(name))
    return fail(Errc::invalid_argument, "invalid reference name '" + name + "'");
  if (options.batch && options.replaced != ReplacedEntry::unnamed)
    return fail(Errc::invalid_argument, "option 'replaced' conflicts with 'batch', which has its own");
  return std::make_unique<LayoutDestination>(std::move(engine), std::move(name), std::move(options));
}

}  // namespace layoutfs
