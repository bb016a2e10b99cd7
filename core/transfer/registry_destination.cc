// Tags of a repository as destinations.
#include <utility>

#include "core/oci/present_blob.h"
#include "core/oci/reference.h"
#include "core/oci/repository_names.h"
#include "core/registry/push_content.h"
#include "core/registry/repository_map.h"
#include "core/transfer/blob_options.h"
#include "core/transfer/compression.h"
#include "core/transfer/image_destination.h"

namespace layoutfs {
namespace {

constexpr std::size_t kPushSize = std::size_t{256} << 10;  // bytes, a hint for the store

// Options without an effect in a registry are refused, because the caller relies on them.
Status check_options(const DestinationOptions& options) {
  const auto refused = [](const char* option) {
    return fail(Errc::unsupported, std::string(option) + ": not supported for registries");
  };
  if (options.batch) return refused("batch");
  if (options.blobs) return refused("blobs");
  if (options.find_spans) return refused("find_spans");
  return options.replaced == ReplacedEntry::unnamed ? Status() : refused("replaced");
}

class RegistryDestination final : public ImageDestination {
 public:
  RegistryDestination(std::shared_ptr<Registry> registry, std::string repository, std::string tag,
                      DestinationOptions options)
      : registry_(std::move(registry)),
        repository_(std::move(repository)),
        tag_(std::move(tag)),
        reference_(tag_.empty() ? repository_ : repository_ + ":" + tag_),
        options_(std::move(options)) {}

  const std::string& reference() const noexcept override { return reference_; }
  const DestinationProperties& properties() const noexcept override { return properties_; }

  Result<BlobInfo> put_blob_with_options(ByteSource& content, const BlobInfo& info,
                                         const PutBlobOptions& options, const Context& context) override {
    if (auto checked = check_put_options(info, options); !checked) return fail(std::move(checked).error());
    auto stored = options.is_empty_layer ? empty_layers_.add(content, info, context)
                                         : store(content, info, options.cache, context);
    return stored ? stored : fail(of_layer(std::move(stored).error(), options.layer_index));
  }

  Result<std::optional<BlobInfo>> try_reusing_blob_with_options(const BlobInfo& info,
                                                                const TryReusingBlobOptions& options,
                                                                const Context& context) override {
    return empty_layers_.found_or_added(reuse(info, options, context), info, options);
  }

  Status put_manifest(ByteView manifest, const PutManifestOptions& options, const Context& context) override {
    const Digest& wanted = options.descriptor.digest;
    Digest digest = Digest::of(manifest, wanted.empty() ? kBlobAlgorithm : wanted.algorithm());
    if (!wanted.empty() && wanted != digest)
      return fail(Errc::digest_invalid, wanted.str() + ": the manifest has the digest " + digest.str());
    std::string type = options.descriptor.media_type;
    if (type.empty()) type = document_type_of(manifest);
    if (type.empty())
      return fail(RegistryCode::manifest_invalid, "the document is neither a manifest nor an index");
    const auto is_stored = [this](const Digest& layer) -> Result<bool> {
      const auto found = registry_->resolve_blob(repository_, layer);
      if (!found && registry_code(found.error()) != RegistryCode::blob_unknown)
        return fail(Error(found.error()));
      return found.has_value();
    };
    if (auto checked = empty_layers_.check(manifest, is_stored); !checked) return checked;
    Descriptor descriptor = options.descriptor;
    descriptor.media_type = std::move(type);
    descriptor.digest = std::move(digest);
    descriptor.size = manifest.size();
    if (!options.is_instance) {
      primary_ = RawManifest{Bytes(manifest.begin(), manifest.end()), std::move(descriptor)};
      return {};
    }
    MemorySource content(manifest);
    auto pushed = registry_->push_blob(repository_, descriptor, content, context);
    return pushed ? Status() : fail(std::move(pushed).error());
  }

  Status commit(const Context& context) override {
    if (!primary_) return fail(Errc::failed_precondition, reference_ + ": commit() without a manifest");
    if (auto go_on = context.check(); !go_on) return go_on;
    const Descriptor& manifest = primary_->descriptor;
    PushManifestParameters parameters{.digest = manifest.digest,
                                      .tags = {},
                                      .annotations = manifest.annotations,
                                      .platform = manifest.platform,
                                      .artifact_type = manifest.artifact_type,
                                      .context = context};
    if (!tag_.empty()) parameters.tags.push_back(tag_);
    auto pushed =
        registry_->push_manifest(repository_, primary_->bytes, primary_->descriptor.media_type, parameters);
    return pushed ? Status() : fail(std::move(pushed).error());
  }

 private:
  Result<BlobInfo> store(ByteSource& content, const BlobInfo& info, BlobInfoCache* cache,
                         const Context& context) const {
    auto writer = registry_->push_blob_chunked(repository_, kPushSize);
    if (!writer) return fail(std::move(writer).error());
    auto pushed = push_content(**writer, content, info.digest, info.size, context);
    if (!pushed) return fail(std::move(pushed).error());
    return finished(info, *pushed, cache);
  }

  Result<std::optional<BlobInfo>> reuse(const BlobInfo& info, const TryReusingBlobOptions& options,
                                        const Context& context) const {
    if (info.digest.empty()) return fail(Errc::digest_invalid, "reusing a blob requires its digest");
    for (const BlobInfoCache::Candidate& candidate : candidates(info, options)) {
      if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
      const auto found = mount(candidate, context);
      // It no longer exists or is not accessible; it can be put.
      if (!found) continue;
      const bool is_same = found->digest == info.digest;
      const auto reader = registry_->get_blob(repository_, found->digest);
      if (!reader) return fail(Error(reader.error()));
      const auto usable = is_usable(reader->blob(), found->digest,
                                    {.size = is_same ? info.size : std::nullopt,
                                     .media_type = info.media_type,
                                     .verifies_all = options.verifies_all,
                                     .context = context});
      if (!usable) return fail(Error(usable.error()));
      if (!*usable) continue;
      auto reused = finished(info, *found, options.cache);
      if (is_same) return std::optional(std::move(reused));
      auto other = substituted(info, found->digest, *reader->blob());
      if (!other) return fail(std::move(other).error());
      return std::optional(std::move(*other));
    }
    return std::nullopt;
  }

  BlobInfo finished(BlobInfo info, const Descriptor& blob, BlobInfoCache* cache) const {
    if (cache != nullptr)
      cache->record_known_location(kRegistryTransport, options_.scope, blob.digest, repository_);
    info.digest = blob.digest;
    info.size = blob.size;
    return info;
  }

  // Returns the repositories to search, with the blobs to look for.
  std::vector<BlobInfoCache::Candidate> candidates(const BlobInfo& info,
                                                   const TryReusingBlobOptions& options) const {
    std::vector<BlobInfoCache::Candidate> all{{info.digest, repository_}};
    if (options.source_reference) all.push_back({info.digest, options.source_reference->repository});
    if (options.cache == nullptr) return all;
    const bool can_substitute = options.can_substitute;
    const auto known =
        options.cache->candidate_locations(kRegistryTransport, options_.scope, info.digest, can_substitute);
    all.insert(all.end(), known.begin(), known.end());
    if (const Digest plain = options.cache->uncompressed_digest(info.digest);
        can_substitute && !plain.empty())
      all.push_back({plain, repository_});
    return all;
  }

  Result<Descriptor> mount(const BlobInfoCache::Candidate& candidate, const Context& context) const {
    if (candidate.location == repository_) return registry_->resolve_blob(repository_, candidate.digest);
    return registry_->mount_blob(candidate.location, repository_, candidate.digest, context);
  }

  std::shared_ptr<Registry> registry_;
  std::string repository_, tag_, reference_;
  DestinationOptions options_;
  DestinationProperties properties_;
  EmptyLayers empty_layers_;
  std::optional<RawManifest> primary_;
};

}  // namespace

Result<std::unique_ptr<ImageDestination>> open_destination(std::shared_ptr<Registry> registry,
                                                           std::string repository, std::string tag,
                                                           DestinationOptions options) {
  if (!is_repository_name(repository)) return fail(invalid_repository(repository));
  if (!tag.empty() && !is_tag(tag)) return fail(invalid_tag(tag));
  if (auto checked = check_options(options); !checked) return fail(std::move(checked).error());
  return std::make_unique<RegistryDestination>(std::move(registry), std::move(repository), std::move(tag),
                                               std::move(options));
}

}  // namespace layoutfs
