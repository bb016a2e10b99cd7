// Images of a repository as sources.
#include <utility>

#include "core/oci/reference.h"
#include "core/transfer/store_source.h"

namespace layoutfs {
namespace {

// An open blob, for read_document.
class OpenBlob final : public Provider {
 public:
  explicit OpenBlob(BlobPtr blob) : blob_(std::move(blob)) {}
  Result<BlobPtr> get_blob(const Digest&, const Context&) const override { return blob_; }

 private:
  BlobPtr blob_;
};

Result<RawManifest> read_manifest_from(Result<BlobReader> reader) {
  if (!reader) return fail(std::move(reader).error());
  auto bytes = read_document(OpenBlob(reader->blob()), reader->descriptor());
  if (!bytes) return fail(std::move(bytes).error());
  RawManifest manifest{std::move(*bytes), reader->descriptor()};
  std::string& type = manifest.descriptor.media_type;
  if (type.empty()) type = document_type_of(manifest.bytes);
  if (type.empty() || !can_be_image(type))
    return fail(Errc::unsupported, manifest.descriptor.digest.str() + ": media type '" + type +
                                       "' is neither a manifest's nor an index's");
  return manifest;
}

class RegistrySource final : public StoreSource {
 public:
  RegistrySource(std::shared_ptr<Registry> registry, std::string repository, RawManifest primary,
                 std::string reference, SourceOptions options)
      : StoreSource(std::move(reference), std::move(options)),
        registry_(std::move(registry)),
        repository_(std::move(repository)),
        primary_(std::move(primary)) {}

  Result<RawManifest> get_manifest(const Digest& instance, const Context& context) override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    if (instance.empty() || instance == primary_.descriptor.digest) return primary_;
    return read_manifest_from(registry_->get_manifest(repository_, instance, context));
  }

 private:
  Result<BlobPtr> open_blob(const Digest& digest) const override {
    const auto reader = registry_->get_blob(repository_, digest);
    if (!reader) return fail(Error(reader.error()));
    return reader->blob();
  }
  std::string_view transport() const noexcept override { return kRegistryTransport; }
  std::string_view location() const noexcept override { return repository_; }

  std::shared_ptr<Registry> registry_;
  std::string repository_;
  RawManifest primary_;  // the tag may change during the copy
};

}  // namespace

Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<Registry> registry, std::string repository,
                                                 std::string_view reference, SourceOptions options) {
  if (normalized(options.platform) != normalized(host_platform()))
    return fail(Errc::unsupported, "option 'platform' is not supported for repositories");
  const auto digest = Digest::parse(reference);
  auto primary = read_manifest_from(digest ? registry->get_manifest(repository, *digest)
                                           : registry->get_tag(repository, reference));
  if (!primary) return fail(std::move(primary).error());
  std::string name = repository + (digest ? "@" : ":") + std::string(reference);
  return std::make_unique<RegistrySource>(std::move(registry), std::move(repository), std::move(*primary),
                                          std::move(name), std::move(options));
}

}  // namespace layoutfs
