// A registry over HTTP (OCI distribution specification).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/guarded.h"
#include "core/oci/graph.h"
#include "core/remote/known_blobs.h"
#include "core/remote/range_cache.h"
#include "core/remote/registry_session.h"
#include "core/remote/remote_access.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// Thread-safe. Manifests are verified when they are read. Blobs are read lazily, and are verified only when
// all of one is in the cache.
//
// Errors of all operations, in addition to those of Registry: errors of the network (NetworkCode),
// RegistryCode::unauthorized and RegistryCode::denied, Errc::io if the registry does not answer as one.
class RemoteRegistry final : public Registry {
 public:
  // `host` with its port if it has one. `blobs` is the cache of blobs. No request.
  RemoteRegistry(std::shared_ptr<RemoteAccess> access, std::string host, std::shared_ptr<RangeCache> blobs);

  const std::string& host() const noexcept { return host_; }
  const KnownBlobs& known() const noexcept { return known_; }
  const RangeCache& blobs() const noexcept { return *blobs_; }
  SessionStats stats() const;

  Result<Descriptor> resolve_blob(std::string_view repository, const Digest& digest) override;
  Result<BlobReader> get_blob(std::string_view repository, const Digest& digest) override;
  Result<BlobReader> get_blob_range(std::string_view repository, const Digest& digest, std::int64_t begin,
                                    std::int64_t end) override;
  Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                      const Context& context) override;
  Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                  const Context& context) override;
  Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                 const Context& context) override;
  Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                             const Context& context) override;
  // A manifest is stored as one, because registries do not accept manifests as blobs.
  Result<Descriptor> push_blob(std::string_view repository, const Descriptor& descriptor, ByteSource& content,
                               const Context& context) override;
  Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(std::string_view repository,
                                                               std::string_view id, std::int64_t offset,
                                                               std::size_t chunk_size) override;
  Result<Descriptor> mount_blob(std::string_view from, std::string_view to, const Digest& digest,
                                const Context& context) override;
  Result<Descriptor> push_manifest(std::string_view repository, ByteView manifest,
                                   std::string_view media_type,
                                   const PushManifestParameters& parameters) override;
  Status delete_blob(std::string_view repository, const Digest& digest) override;
  // If the registry has no referrers API, the manifest is first removed from the referrers tag of its
  // subject. If that fails, the manifest stays. If the registry then refuses to remove the manifest, it is
  // listed again.
  Status delete_manifest(std::string_view repository, const Digest& digest, const Context& context) override;
  Status delete_tag(std::string_view repository, std::string_view tag, const Context& context) override;
  Result<std::vector<std::string>> repositories(const Page& page, const Context& context) override;
  Result<std::vector<std::string>> tags(std::string_view repository, const Page& page,
                                        const Context& context) override;
  // If the registry has no such list, reads the tag that replaces it ("Referrers Tag Schema").
  Result<std::vector<Descriptor>> referrers(std::string_view repository, const Digest& digest,
                                            std::string_view artifact_type, const Context& context) override;

 private:
  // `also_pull_from` as in RegistrySession::open().
  Result<std::shared_ptr<RegistrySession>> session(std::string_view repository,
                                                   std::string_view also_pull_from = {});
  // Reads the manifest `reference`: a tag, or `digest` if that is not empty.
  Result<BlobReader> read_manifest(std::string_view repository, std::string_view reference,
                                   const Digest& digest, const Context& context);
  Status remove(std::string_view repository, const std::string& path, RegistryCode if_missing,
                const Context& context);
  // Returns nullopt if the manifest does not exist, has no subject, or cannot be understood.
  Result<std::optional<Referrer>> find_referrer(std::string_view repository, const Digest& digest,
                                                const Context& context);
  // Removes a referrer from the tag of its subject. Returns false if there is nothing to remove: the registry
  // has a referrers API, or the tag does not list it.
  Result<bool> forget_referrer(std::string_view repository, const Referrer& referrer, const Context& context);
  // Adds it to the tag.
  Status list_referrer(std::string_view repository, const Referrer& referrer, const Context& context);

  const std::shared_ptr<RemoteAccess> access_;
  const std::string host_;
  const std::shared_ptr<RangeCache> blobs_;
  KnownBlobs known_;
  mutable Guarded<std::map<std::string, std::shared_ptr<RegistrySession>>> sessions_;
  std::mutex referrers_;  // held while a list of referrers is read, changed and written
};

}  // namespace layoutfs
