// An engine and a registry in memory, as written outside of the library: they use only its interfaces.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/cas/descriptor_json.h"
#include "layoutfs/blob_batch.h"
#include "layoutfs/engine.h"
#include "layoutfs/registry.h"
#include "layoutfs/upload.h"

namespace outside {

using namespace layoutfs;

class MemoryBlob final : public Blob {
 public:
  explicit MemoryBlob(Bytes bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset, const Context&) const override {
    if (offset >= bytes_.size()) return 0;
    const auto size = std::min<std::size_t>(out.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
    return size;
  }

 private:
  const Bytes bytes_;
};

struct Contents {
  std::mutex mutex;
  std::map<Digest, BlobPtr> blobs;
  std::vector<Descriptor> entries;
  std::map<std::string, Bytes> uploads;
  int committed_uploads = 0;

  std::shared_ptr<const References> references() const {
    JsonWriter json;
    json.begin_object().key("schemaVersion").integer(2).key("manifests").begin_array();
    for (const Descriptor& entry : entries) write_descriptor(json, entry);
    const std::string text = json.end_array().end_object().str();
    const ByteView bytes = as_bytes(text);
    return std::make_shared<const References>(References{entries, {}, Bytes(bytes.begin(), bytes.end()), 1});
  }
};

class MemoryUpload final : public Upload {
 public:
  MemoryUpload(std::shared_ptr<Contents> contents, std::string id)
      : contents_(std::move(contents)), id_(std::move(id)), bytes_(contents_->uploads[id_]) {}
  ~MemoryUpload() override {
    if (!is_gone_) contents_->uploads[id_] = bytes_;
  }

  const std::string& id() const noexcept override { return id_; }
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  Status append(ByteView piece) override {
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    return {};
  }
  Result<Digest> digest(const Context&) override { return Digest::of(bytes_); }
  Status close() override { return {}; }
  Result<PutResult> commit(const Digest& digest, const Context&) override {
    if (Digest::of(bytes_, digest.algorithm()) != digest) return fail(Errc::digest_invalid, "other content");
    const PutResult put{digest, bytes_.size()};
    contents_->blobs.insert_or_assign(digest, std::make_shared<const MemoryBlob>(bytes_));
    ++contents_->committed_uploads;
    ignore(cancel(), "it cannot fail");
    return put;
  }
  Status cancel() override {
    is_gone_ = true;
    contents_->uploads.erase(id_);
    return {};
  }

 private:
  std::shared_ptr<Contents> contents_;
  std::string id_;
  Bytes bytes_;
  bool is_gone_ = false;
};

class NothingChanges final : public Watch {
 public:
  int fd() const noexcept override { return -1; }
  bool has_changed() override { return false; }
};

class MemoryEngine final : public Engine {
 public:
  std::shared_ptr<Contents> contents = std::make_shared<Contents>();

  Result<BlobPtr> get_blob(const Digest& digest, const Context& = {}) const override {
    const std::lock_guard lock(contents->mutex);
    const auto found = contents->blobs.find(digest);
    if (found == contents->blobs.end()) return fail(Errc::not_found, digest.str() + ": no such blob");
    return found->second;
  }
  Result<std::optional<BlobStatus>> blob_status(const Digest& digest, const Context& = {}) const override {
    const auto blob = get_blob(digest);
    if (!blob) return std::nullopt;
    return BlobStatus{.size = (*blob)->size(), .put_ns = 1};
  }
  Result<std::string> blob_path(const Digest&, const Context&) const override {
    return fail(Errc::unsupported, "no file");
  }
  Result<std::vector<Digest>> list_blobs(Algorithm algorithm, const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const std::lock_guard lock(contents->mutex);
    std::vector<Digest> digests;
    for (const auto& [digest, blob] : contents->blobs)
      if (digest.algorithm() == algorithm) digests.push_back(digest);
    return digests;
  }
  std::int64_t listing_ns(Algorithm, const Context&) const override { return 1; }
  Result<PutResult> put_blob(ByteSource& content, const PutOptions& options) override {
    Bytes all, piece(std::size_t{64} << 10);
    for (;;) {
      auto got = content.read(piece);
      if (!got) return fail(std::move(got).error());
      if (*got == 0) break;
      all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    }
    const auto algorithm = options.digest.empty() ? options.algorithm : options.digest.algorithm();
    PutResult put{Digest::of(all, algorithm), all.size()};
    if (!options.digest.empty() && put.digest != options.digest)
      return fail(Errc::digest_invalid, "other content");
    if (options.size && *options.size != put.size) return fail(Errc::size_invalid, "other size");
    const std::lock_guard lock(contents->mutex);
    contents->blobs.insert_or_assign(put.digest, std::make_shared<const MemoryBlob>(std::move(all)));
    return put;
  }
  Result<std::unique_ptr<Upload>> start_upload(std::string_view id) override {
    return std::make_unique<MemoryUpload>(contents, id.empty() ? std::string(32, 'a') : std::string(id));
  }
  Result<std::unique_ptr<Upload>> resume_upload(std::string_view id) override {
    if (!contents->uploads.contains(std::string(id))) return fail(unknown_upload(id));
    return std::make_unique<MemoryUpload>(contents, std::string(id));
  }
  Result<bool> delete_blob(const Digest& digest) override {
    const std::lock_guard lock(contents->mutex);
    return contents->blobs.erase(digest) > 0;
  }
  Result<SweepResult> sweep_blob(const Digest& digest, const References&, std::int64_t,
                                 const Context&) override {
    const auto removed = delete_blob(digest);
    return removed && *removed ? SweepResult::removed : SweepResult::absent;
  }
  Result<std::shared_ptr<const References>> references(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const std::lock_guard lock(contents->mutex);
    return contents->references();
  }
  Result<Descriptor> get_reference(std::string_view name, const Context&) const override {
    const std::lock_guard lock(contents->mutex);
    for (const Descriptor& entry : contents->entries)
      if (entry.ref_name() == name) return entry;
    return fail(Errc::not_found, "no reference '" + std::string(name) + "'");
  }
  Result<std::vector<std::string>> list_references(const Context&) const override {
    const std::lock_guard lock(contents->mutex);
    std::set<std::string> names;
    for (const Descriptor& entry : contents->entries)
      if (const auto name = entry.ref_name()) names.emplace(*name);
    return std::vector<std::string>(names.begin(), names.end());
  }
  Status put_reference(std::string_view name, const Descriptor& descriptor, PutMode,
                       const Context&) override {
    ignore(delete_reference(name, {}), "it need not be there");
    const std::lock_guard lock(contents->mutex);
    Descriptor entry = descriptor;
    entry.annotations.insert_or_assign(std::string(kRefName), std::string(name));
    contents->entries.push_back(std::move(entry));
    return {};
  }
  Result<bool> delete_reference(std::string_view name, const Context&) override {
    const std::lock_guard lock(contents->mutex);
    return std::erase_if(contents->entries, [&](const auto& entry) { return entry.ref_name() == name; }) > 0;
  }
  Status update_references(const ReferenceUpdate& update, const Context& context) override {
    const auto now = references(context);
    if (!now) return fail(Error(now.error()));
    auto changes = update(**now);
    if (!changes) return fail(std::move(changes).error());
    const std::lock_guard lock(contents->mutex);
    auto& entries = contents->entries;
    for (const auto& change : changes->changed)
      if (change.replacement) entries[change.position] = *change.replacement;
    for (auto change = changes->changed.rbegin(); change != changes->changed.rend(); ++change)
      if (!change->replacement)
        entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(change->position));
    std::ranges::move(changes->added, std::back_inserter(entries));
    return {};
  }
  Status clean(const Context&) override { return {}; }
  Status close() override { return {}; }
  std::unique_ptr<Watch> watch(const Context&) const override { return std::make_unique<NothingChanges>(); }
  Result<Bytes> marker(const Context&) const override { return Bytes(); }
};

// Passes everything to an upload.
class MemoryWriter final : public BlobWriter {
 public:
  explicit MemoryWriter(std::unique_ptr<Upload> upload) : upload_(std::move(upload)) {}
  Status write(ByteView piece) override { return upload_->append(piece); }
  std::uint64_t size() const noexcept override { return upload_->size(); }
  std::size_t chunk_size() const noexcept override { return kDefaultChunkSize; }
  const std::string& id() const noexcept override { return upload_->id(); }
  Result<Digest> digest(const Context& context) override { return upload_->digest(context); }
  Status close() override { return upload_->close(); }
  Result<Descriptor> commit(const Digest& digest, const Context& context) override {
    const auto put = upload_->commit(digest, context);
    if (!put) return fail(Error(put.error()));
    return Descriptor{.media_type = {}, .digest = put->digest, .size = put->size};
  }
  Status cancel() override { return upload_->cancel(); }

 private:
  std::unique_ptr<Upload> upload_;
};

// A repository with any name.
class MemoryRegistry final : public Registry {
 public:
  MemoryEngine engine;

  Result<Descriptor> resolve_blob(std::string_view, const Digest& digest) override {
    const auto size = engine.blob_size(digest);
    if (!size || !*size) return fail(RegistryCode::blob_unknown, digest.str());
    return Descriptor{.media_type = {}, .digest = digest, .size = **size};
  }
  Result<BlobReader> get_blob(std::string_view repository, const Digest& digest) override {
    auto descriptor = resolve_blob(repository, digest);
    if (!descriptor) return fail(std::move(descriptor).error());
    return reader(std::move(*descriptor));
  }
  Result<Descriptor> resolve_manifest(std::string_view repository, const Digest& digest,
                                      const Context&) override {
    const auto found = types_.find(digest);
    auto blob = resolve_blob(repository, digest);
    if (!blob || found == types_.end()) return fail(RegistryCode::manifest_unknown, digest.str());
    blob->media_type = found->second;
    return blob;
  }
  Result<BlobReader> get_manifest(std::string_view repository, const Digest& digest,
                                  const Context& context) override {
    auto descriptor = resolve_manifest(repository, digest, context);
    if (!descriptor) return fail(std::move(descriptor).error());
    return reader(std::move(*descriptor));
  }
  Result<Descriptor> resolve_tag(std::string_view repository, std::string_view tag,
                                 const Context& context) override {
    const auto found = tags_.find(std::string(tag));
    if (found == tags_.end()) return fail(RegistryCode::manifest_unknown, std::string(tag));
    return resolve_manifest(repository, found->second, context);
  }
  Result<BlobReader> get_tag(std::string_view repository, std::string_view tag,
                             const Context& context) override {
    auto descriptor = resolve_tag(repository, tag, context);
    if (!descriptor) return fail(std::move(descriptor).error());
    return reader(std::move(*descriptor));
  }
  Result<Descriptor> push_blob(std::string_view, const Descriptor& descriptor, ByteSource& content,
                               const Context& context) override {
    auto put = engine.put_blob(content, {.digest = descriptor.digest, .size = {}, .context = context});
    if (!put) return fail(std::move(put).error());
    return descriptor;
  }
  Result<std::unique_ptr<BlobWriter>> push_blob_chunked_resume(std::string_view, std::string_view,
                                                               std::int64_t, std::size_t) override {
    auto upload = engine.start_upload({});
    if (!upload) return fail(std::move(upload).error());
    return std::make_unique<MemoryWriter>(std::move(*upload));
  }
  Result<Descriptor> push_manifest(std::string_view, ByteView manifest, std::string_view media_type,
                                   const PushManifestParameters& parameters) override {
    MemorySource content(manifest);
    auto put = engine.put_blob(content, {});
    if (!put) return fail(std::move(put).error());
    types_.insert_or_assign(put->digest, std::string(media_type));
    for (const std::string& tag : parameters.tags) tags_.insert_or_assign(tag, put->digest);
    return Descriptor{.media_type = std::string(media_type), .digest = put->digest, .size = put->size};
  }

 private:
  Result<BlobReader> reader(Descriptor descriptor) {
    auto blob = engine.get_blob(descriptor.digest);
    if (!blob) return fail(std::move(blob).error());
    const std::uint64_t size = descriptor.size;
    return BlobReader(std::move(descriptor), std::move(*blob), 0, size);
  }

  std::map<Digest, std::string> types_;
  std::map<std::string, Digest> tags_;
};

}  // namespace outside
