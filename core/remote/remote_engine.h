// A repository of a registry as the destination of copies.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/guarded.h"
#include "core/remote/document_blob.h"
#include "core/remote/remote_registry.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// A store with tags as its references. Blobs are sent when they are put; manifests, which a registry accepts
// only after everything that they refer to, when a reference to them is written. Thread-safe.
//
// A registry removes and lists content by its own rules, so there are no uploads to resume, no deletions, and
// no lists (Errc::unsupported). Existing tags are not listed: a tag that is written moves.
class RemoteEngine final : public Engine {
 public:
  RemoteEngine(std::shared_ptr<RemoteRegistry> registry, std::string repository);

  // Blobs may be mounted from the repository `from` of the same registry. Call it before other functions.
  void set_origin(std::string from) { origin_ = std::move(from); }

  // Returns the error of a registry that cannot be reached, or that refuses the credentials. Cost: a request.
  Status check() const;

  Result<BlobPtr> get_blob(const Digest& digest, const Context& context) const override;
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& context) const override;
  Result<std::string> blob_path(const Digest& digest, const Context& context) const override;
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override;
  std::int64_t listing_ns(Algorithm algorithm, const Context& context) const override;
  Result<std::shared_ptr<const References>> references(const Context& context) const override;
  Result<Descriptor> get_reference(std::string_view name, const Context& context) const override;
  Result<std::vector<std::string>> list_references(const Context& context) const override;
  Result<Bytes> marker(const Context& context) const override;

  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override;
  Result<std::unique_ptr<Upload>> start_upload(std::string_view id) override;
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override;
  Result<bool> delete_blob(const Digest& digest) override;
  Result<SweepResult> sweep_blob(const Digest& digest, const References& seen, std::int64_t limit_ns,
                                 const Context& context) override;
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode mode,
                       const Context& context) override;
  Result<bool> delete_reference(std::string_view name, const Context& context) override;
  Status update_references(const ReferenceUpdate& update, const Context& context) override;
  Status clean(const Context&) override { return {}; }
  Status close() override { return {}; }

 private:
  struct Pending {
    std::shared_ptr<const DocumentBlob> content;
    std::string media_type;
    bool is_pushed = false;
  };

  std::unexpected<Error> unsupported(const char* operation) const;
  std::optional<Pending> pending(const Digest& digest) const;
  Result<PutResult> put_small(ByteSource& content, const PutOptions& options, std::uint64_t size);
  Result<PutResult> send(ByteSource& content, const PutOptions& options);
  // Stores the manifest under `tag`, or without a tag, after everything that it refers to.
  Status push(const Digest& digest, const std::string& tag, const Context& context);
  Status push_children(const Pending& document, const Context& context);
  Status push_as_blob(const Digest& digest, const Pending& document, const Context& context);

  const std::shared_ptr<RemoteRegistry> registry_;
  const std::string repository_;
  std::string origin_;
  mutable Guarded<std::map<Digest, Pending>> pending_;
  mutable Guarded<std::map<Digest, std::uint64_t>> present_;  // sizes of blobs that the repository has
};

}  // namespace layoutfs
