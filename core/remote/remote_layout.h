// One image of a registry, as a layout.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/remote_name.h"
#include "core/remote/remote_registry.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// The image of a name as the only reference. The name is resolved once: if the tag moves or disappears, the
// layout still has the image that it had. Documents are verified, and kept in memory; other blobs come from
// the cache, or from the registry when they are read. Thread-safe.
class RemoteLayout final : public LayoutReader {
 public:
  // Reads the manifest, or the index, of the name. Errors are those of RemoteRegistry::get_manifest().
  static Result<std::shared_ptr<RemoteLayout>> open(std::shared_ptr<RemoteRegistry> registry, RemoteName name,
                                                    const Context& context = {});
  // Adds the referrers of the image, such as signatures, as references without names, for copies. Call it
  // before other functions. Errors are those of RemoteRegistry::referrers().
  Status add_referrers(const Context& context = {});

  const RemoteName& name() const noexcept { return name_; }
  const RemoteRegistry& registry() const noexcept { return *registry_; }

  // Fetches the config and all layers of a manifest into the cache, in order. Errors are those of
  // RemoteBlob::prefetch().
  Status prefetch(const Descriptor& manifest, const Context& context) const;

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override;
  // The time of the last put is unknown: 1970. Cost: a request if no document mentions the blob.
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override;
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override;
  // Returns the blobs that the documents read so far mention.
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override;
  std::int64_t listing_ns(Algorithm, const Context&) const override;
  Result<std::shared_ptr<const References>> references(const Context& context) const override;
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override;
  Result<std::vector<std::string>> list_references(const Context& context) const override;
  Result<Bytes> marker(const Context& context) const override;

 private:
  RemoteLayout(std::shared_ptr<RemoteRegistry> registry, RemoteName name);

  const std::shared_ptr<RemoteRegistry> registry_;
  const RemoteName name_;
  std::shared_ptr<const References> references_;
  mutable Guarded<std::map<Digest, BlobPtr>> documents_;
};

}  // namespace layoutfs
