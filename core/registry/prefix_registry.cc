// The part of a registry below a prefix.
#include <string>
#include <utility>

#include "layoutfs/registry.h"

namespace layoutfs {
namespace {

class PrefixRegistry final : public Registry {
 public:
  PrefixRegistry(std::shared_ptr<Registry> registry, std::string prefix)
      : registry_(std::move(registry)), prefix_(std::move(prefix) + "/") {}

  Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest) override {
    return registry_->resolve_blob(full(repository), digest);
  }
  Result<BlobReader> get_blob(std::string_view repository, const Digest& digest) override {
    return registry_->get_blob(full(repository), digest);
  }
  Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest, std::int64_t begin,
                                    std::int64_t end) override {
    return registry_->get_blob_range(full(repository), digest, begin, end);
  }
  Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                      const Context& context) override {
    return registry_->resolve_manifest(full(repository), digest, context);
  }
  Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                  const Context& context) override {
    return registry_->get_manifest(full(repository), digest, context);
  }
  Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                 const Context& context) override {
    return registry_->resolve_tag(full(repository), tag, context);
  }
  Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                             const Context& context) override {
    return registry_->get_tag(full(repository), tag, context);
  }
  Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor, ByteSource& content,
                               const Context& context) override {
    return registry_->push_blob(full(repository), descriptor, content, context);
  }
  Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(std::string_view repository,
                                                               std::string_view id, std::int64_t offset,
                                                               std::size_t chunk_size) override {
    return registry_->push_blob_chunked_resume(full(repository), id, offset, chunk_size);
  }
  Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                const Context& context) override {
    return registry_->mount_blob(full(from), full(to), digest, context);
  }
  Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                   std::string_view media_type,
                                   const PushManifestParameters& parameters) override {
    return registry_->push_manifest(full(repository), manifest, media_type, parameters);
  }
  Status delete_blob(std::string_view repository, const Digest& digest) override {
    return registry_->delete_blob(full(repository), digest);
  }
  Status delete_manifest(std::string_view repository, const Digest& digest, const Context& context) override {
    return registry_->delete_manifest(full(repository), digest, context);
  }
  Status delete_tag(std::string_view repository, std::string_view tag, const Context& context) override {
    return registry_->delete_tag(full(repository), tag, context);
  }
  Result<std::vector<std::string>> repositories(const Page& page, const Context& context) override {
    // In byte order, all names below the prefix are consecutive, starting with the prefix itself.
    auto found =
        registry_->repositories({.start_after = full(page.start_after), .limit = page.limit}, context);
    if (!found) return found;
    std::vector<std::string> below;
    for (const std::string& name : *found) {
      if (!name.starts_with(prefix_)) break;
      below.push_back(name.substr(prefix_.size()));
    }
    return below;
  }
  Result<std::vector<std::string>> tags(std::string_view repository, const Page& page,
                                        const Context& context) override {
    return registry_->tags(full(repository), page, context);
  }
  Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                            std::string_view artifact_type, const Context& context) override {
    return registry_->referrers(full(repository), digest, artifact_type, context);
  }

 private:
  std::string full(std::string_view name) const { return prefix_ + std::string(name); }

  const std::shared_ptr<Registry> registry_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<Registry> below_prefix(std::shared_ptr<Registry> registry, std::string prefix) {
  return std::make_unique<PrefixRegistry>(std::move(registry), std::move(prefix));
}

}  // namespace layoutfs
