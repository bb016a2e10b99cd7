#include "core/remote/remote_engine.h"

#include <utility>
#include <variant>

#include "core/oci/graph.h"
#include "core/oci/reference.h"
#include "core/registry/push_content.h"
#include "core/remote/response_text.h"
#include "layoutfs/documents.h"
#include "layoutfs/upload.h"

namespace layoutfs {

RemoteEngine::RemoteEngine(std::shared_ptr<RemoteRegistry> registry, std::string repository)
    : registry_(std::move(registry)), repository_(std::move(repository)) {}

std::unexpected<Error> RemoteEngine::unsupported(const char* operation) const {
  return fail(Errc::unsupported, repository_ + ": a registry cannot " + operation);
}

std::optional<RemoteEngine::Pending> RemoteEngine::pending(const Digest& digest) const {
  auto all = pending_.lock();
  const auto found = all->find(digest);
  return found == all->end() ? std::nullopt : std::optional(found->second);
}

Status RemoteEngine::check() const {
  // Whether there is an empty blob, or a repository at all, does not matter.
  const auto found = registry_->resolve_blob(repository_, Digest::of({}));
  return found || found.error().code() == Errc::not_found ? Status() : fail(Error(found.error()));
}

Result<BlobPtr> RemoteEngine::get_blob(const Digest& digest, const Context& context) const {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (auto document = pending(digest)) return document->content;
  auto reader = registry_->get_blob(repository_, digest);
  if (!reader) return fail(std::move(reader).error());
  return reader->blob();
}

Result<std::optional<BlobStatus>> RemoteEngine::blob_status(const Digest& digest,
                                                            const Context& context) const {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (const auto document = pending(digest))
    return BlobStatus{.size = document->content->size(), .put_ns = 0};
  {
    auto present = present_.lock();
    if (const auto found = present->find(digest); found != present->end())
      return BlobStatus{.size = found->second, .put_ns = 0};
  }
  const auto found = registry_->resolve_blob(repository_, digest);
  if (!found && found.error().code() == Errc::not_found) return std::optional<BlobStatus>();
  if (!found) return fail(Error(found.error()));
  present_.lock()->emplace(digest, found->size);
  return BlobStatus{.size = found->size, .put_ns = 0};
}

Result<std::string> RemoteEngine::blob_path(const Digest&, const Context&) const {
  return unsupported("give blobs as files");
}
Result<std::vector<Digest>> RemoteEngine::list_blobs(Algorithm, const Context&) const {
  return unsupported("list blobs");
}
std::int64_t RemoteEngine::listing_ns(Algorithm, const Context&) const { return 0; }

Result<std::shared_ptr<const References>> RemoteEngine::references(const Context&) const {
  auto none = std::make_shared<References>();
  // That of an index.json without entries.
  const ByteView text = as_bytes(R"({"schemaVersion":2,"manifests":[]})");
  none->document.assign(text.begin(), text.end());
  return none;
}

Result<Descriptor> RemoteEngine::get_reference(std::string_view name, const Context& context) const {
  return registry_->resolve_tag(repository_, name, context);
}
Result<std::vector<std::string>> RemoteEngine::list_references(const Context& context) const {
  return registry_->tags(repository_, {}, context);
}
Result<Bytes> RemoteEngine::marker(const Context&) const { return unsupported("have an oci-layout file"); }

Result<PutResult> RemoteEngine::put_blob(ByteSource& content, const PutOptions& options) {
  if (auto go_on = options.context.check(); !go_on) return fail(std::move(go_on).error());
  if (options.size && *options.size <= kMaxResponse) return put_small(content, options, *options.size);
  if (!origin_.empty() && !options.digest.empty())
    if (const auto mounted = registry_->mount_blob(origin_, repository_, options.digest, options.context)) {
      present_.lock()->emplace(options.digest, mounted->size);
      return PutResult{options.digest, mounted->size};
    }
  return send(content, options);
}

Result<PutResult> RemoteEngine::put_small(ByteSource& content, const PutOptions& options,
                                          std::uint64_t size) {
  auto bytes = read_all(content);
  if (!bytes) return fail(std::move(bytes).error());
  const Algorithm algorithm = options.digest.empty() ? options.algorithm : options.digest.algorithm();
  Digest digest = Digest::of(*bytes, algorithm);
  if (bytes->size() != size)
    return fail(Errc::size_invalid,
                "the content has " + std::to_string(bytes->size()) + " bytes, not " + std::to_string(size));
  if (!options.digest.empty() && options.digest != digest)
    return fail(Errc::digest_invalid, options.digest.str() + ": the content has the digest " + digest.str());
  const std::string type = document_type_of(*bytes);
  if (!is_document_type(type)) {
    MemorySource memory(*bytes);
    PutOptions wanted = options;
    wanted.digest = digest;
    return send(memory, wanted);
  }
  pending_.lock()->try_emplace(digest,
                               Pending{std::make_shared<const DocumentBlob>(*std::move(bytes)), type});
  return PutResult{std::move(digest), size};
}

Result<PutResult> RemoteEngine::send(ByteSource& content, const PutOptions& options) {
  auto writer = registry_->push_blob_chunked(repository_);
  if (!writer) return fail(std::move(writer).error());
  auto stored = push_content(**writer, content, options.digest, options.size, options.context);
  if (!stored) return fail(std::move(stored).error());
  present_.lock()->emplace(stored->digest, stored->size);
  return PutResult{stored->digest, stored->size};
}

Status RemoteEngine::push_as_blob(const Digest& digest, const Pending& document, const Context& context) {
  MemorySource memory(document.content->bytes());
  const auto sent = send(memory, {.digest = digest, .size = document.content->size(), .context = context});
  return sent ? Status() : fail(Error(sent.error()));
}

Status RemoteEngine::push_children(const Pending& document, const Context& context) {
  auto node = parse_graph_node(document.content->bytes(), document.media_type);
  if (!node) return {};  // the registry refuses it, and says why
  const bool is_index = std::holds_alternative<Index>(*node);
  const std::vector<Descriptor> children = children_of(*std::move(node));
  for (const Descriptor& child : children) {
    const auto own = pending(child.digest);
    if (!own || (is_index && own->is_pushed)) continue;
    // The content of an artifact may look like a manifest.
    auto pushed = is_index ? push(child.digest, "", context) : push_as_blob(child.digest, *own, context);
    if (!pushed) return pushed;
  }
  return {};
}

Status RemoteEngine::push(const Digest& digest, const std::string& tag, const Context& context) {
  auto document = pending(digest);
  if (!document) {
    // The repository has it already, and gets another tag for it.
    const auto there = registry_->get_manifest(repository_, digest, context);
    if (!there) return fail(Error(there.error()));
    Bytes bytes(static_cast<std::size_t>(there->size()));
    if (const auto got = there->read_at(bytes, 0); !got) return fail(Error(got.error()));
    document =
        Pending{std::make_shared<const DocumentBlob>(std::move(bytes)), there->descriptor().media_type};
  } else if (auto pushed = push_children(*document, context); !pushed) {
    return pushed;
  }
  PushManifestParameters parameters{.digest = digest, .context = context};
  if (!tag.empty()) parameters.tags.push_back(tag);
  const auto pushed =
      registry_->push_manifest(repository_, document->content->bytes(), document->media_type, parameters);
  if (!pushed) return fail(Error(pushed.error()));
  auto all = pending_.lock();
  if (const auto found = all->find(digest); found != all->end()) found->second.is_pushed = true;
  return {};
}

Status RemoteEngine::put_reference(std::string_view name, const Descriptor& descriptor, PutMode,
                                   const Context& context) {
  return push(descriptor.digest, std::string(name), context);
}

Status RemoteEngine::update_references(const ReferenceUpdate& update, const Context& context) {
  const auto now = references(context);
  if (!now) return fail(Error(now.error()));
  const auto changes = update(**now);
  if (!changes) return fail(Error(changes.error()));
  for (const Descriptor& entry : changes->added)
    if (auto pushed = push(entry.digest, std::string(entry.ref_name().value_or("")), context); !pushed)
      return pushed;
  return {};
}

Result<std::unique_ptr<Upload>> RemoteEngine::start_upload(std::string_view) {
  return unsupported("resume uploads of a layout");
}
Result<std::unique_ptr<Upload>> RemoteEngine::resume_upload(std::string_view) {
  return unsupported("resume uploads of a layout");
}
Result<bool> RemoteEngine::delete_blob(const Digest&) { return unsupported("delete blobs"); }
Result<SweepResult> RemoteEngine::sweep_blob(const Digest&, const References&, std::int64_t, const Context&) {
  return unsupported("collect garbage");
}
Result<bool> RemoteEngine::delete_reference(std::string_view name, const Context& context) {
  const auto deleted = registry_->delete_tag(repository_, name, context);
  if (deleted) return true;
  return deleted.error().code() == Errc::not_found ? Result<bool>(false) : fail(Error(deleted.error()));
}

}  // namespace layoutfs
