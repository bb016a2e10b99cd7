#include "core/remote/remote_registry.h"

#include <algorithm>
#include <utility>

#include "core/http/fields.h"
#include "core/oci/graph.h"
#include "core/oci/media_types.h"
#include "core/oci/reference.h"
#include "core/oci/repository_names.h"
#include "core/registry/push_content.h"
#include "core/registry/repository_map.h"
#include "core/remote/document_blob.h"
#include "core/remote/percent.h"
#include "core/remote/referrers_tag.h"
#include "core/remote/remote_listing.h"
#include "core/remote/remote_upload.h"
#include "core/remote/repository_blob.h"
#include "core/remote/response_text.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

Status check_digest(const Digest& digest) {
  return digest.empty() ? fail(Errc::digest_invalid, "empty digest") : Status();
}

// All kinds of documents that layoutfs reads.
std::string accepted_types() {
  std::string types;
  for (const std::string_view type :
       {media_type::kOciIndex, media_type::kOciManifest, media_type::kDockerManifestList,
        media_type::kDockerManifest, media_type::kOciArtifactManifest, media_type::kDockerSchema1Manifest})
    types += (types.empty() ? "" : ", ") + std::string(type);
  return types;
}

// Returns the size of a blob in the response to a HEAD, or to a GET of its first byte.
std::optional<std::uint64_t> size_in(const HttpResponse& response) {
  if (response.status() != 206) return parse_decimal(response.field("Content-Length").value_or(""));
  const auto field = response.field("Content-Range");
  if (!field) return std::nullopt;
  const auto range = ContentRange::parse(*field);
  return range ? range->size : std::nullopt;
}

BlobReader whole(Descriptor descriptor, BlobPtr blob) {
  const std::uint64_t size = blob->size();
  return BlobReader(std::move(descriptor), std::move(blob), 0, size);
}

// Wrong bytes of a manifest are fetched again this often.
constexpr int kManifestAttempts = 3;

struct FetchedManifest {
  Descriptor descriptor;
  Bytes bytes;
};

// Returns the media type of a manifest. Errc::unsupported if the registry states another one than that of a
// manifest; Errc::io if the document is none: often the answer of another kind of server.
Result<std::string> manifest_type(const RegistryDocument& document) {
  const std::string stated = essence_of(document.response->field("Content-Type").value_or(""));
  std::string own = document_type_of(document.bytes);
  // Other kinds of manifests state no type of their own.
  if (own.empty() && document_kind(stated) == DocumentKind::other && is_document_type(stated)) own = stated;
  if (own.empty())
    return fail(Errc::io, "not a registry: it answered with a document of the media type " +
                              (stated.empty() ? "none" : stated));
  if (!stated.empty() && stated != "application/json" && !is_document_type(stated))
    return fail(Errc::unsupported,
                "the registry sent a manifest of the media type " + stated + ", which is not known");
  return own;
}

// Checks the document of a reference with `digest`, if that is not empty.
Result<FetchedManifest> check_manifest(RegistryDocument document, const Digest& digest) {
  auto type = manifest_type(document);
  if (!type) return fail(std::move(type).error());
  const Algorithm algorithm = digest.empty() ? kBlobAlgorithm : digest.algorithm();
  Digest computed = Digest::of(document.bytes, algorithm);
  if (!digest.empty() && computed != digest)
    return fail(Errc::corrupt, "the registry sent a manifest with the digest " + computed.str());
  // A proxy may have changed the document of a tag; the digest of the registry shows that.
  if (const auto field = document.response->field("Docker-Content-Digest"); field && digest.empty()) {
    const auto stated = Digest::parse(*field);
    if (stated && stated->algorithm() == algorithm && *stated != computed)
      return fail(Errc::corrupt,
                  "the registry sent a manifest with the digest " + computed.str() + " as " + stated->str());
  }
  const std::uint64_t size = document.bytes.size();
  return FetchedManifest{{.media_type = *std::move(type), .digest = std::move(computed), .size = size},
                         std::move(document.bytes)};
}

// Returns whether the registry does not remove the manifest. After another error, for example a timeout, it
// may have removed it.
bool is_refusal(const Error& error) {
  const RegistryCode code = registry_code(error);
  return code == RegistryCode::unsupported || code == RegistryCode::denied ||
         code == RegistryCode::unauthorized;
}

}  // namespace

RemoteRegistry::RemoteRegistry(std::shared_ptr<RemoteAccess> access, std::string host,
                               std::shared_ptr<RangeCache> blobs)
    : access_(std::move(access)), host_(std::move(host)), blobs_(std::move(blobs)) {}

SessionStats RemoteRegistry::stats() const {
  SessionStats sum;
  auto sessions = sessions_.lock();
  for (const auto& each : *sessions) {
    const SessionStats stats = each.second->stats();
    sum.requests += stats.requests;
    sum.retries += stats.retries;
  }
  return sum;
}

Result<std::shared_ptr<RegistrySession>> RemoteRegistry::session(std::string_view repository,
                                                                 std::string_view also_pull_from) {
  if (!repository.empty() && !is_repository_name(repository)) return fail(invalid_repository(repository));
  const std::string key = std::string(repository) + "\n" + std::string(also_pull_from);
  auto sessions = sessions_.lock();
  if (const auto found = sessions->find(key); found != sessions->end()) return found->second;
  auto opened = RegistrySession::open(access_, host_, std::string(repository), std::string(also_pull_from));
  if (opened) sessions->emplace(key, *opened);
  return opened;
}

Result<Descriptor> RemoteRegistry::resolve_blob(std::string_view repository, const Digest& digest) {
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  RegistryRequest request{.method = "HEAD", .object = "@" + digest.str(), .path = "blobs/" + digest.str()};
  request.if_missing = RegistryCode::blob_unknown;
  request.returns_refused_links = true;
  // A registry need not support HEAD, nor the host to which it redirects.
  request.accepted = {400, 403, 405, 501};
  auto response = (*opened)->send(request, {});
  if (!response) return fail(std::move(response).error());
  auto size = (*response)->status() == 200 ? size_in(**response) : std::nullopt;
  if (!size) {
    request.method = "GET";
    request.fields = {{"Range", "bytes=0-0"}};
    request.returns_refused_links = false;
    request.accepted = {416};  // the empty blob
    response = (*opened)->send(request, {});
    if (!response) return fail(std::move(response).error());
    size = (*response)->status() == 416 ? std::optional<std::uint64_t>(0) : size_in(**response);
  }
  if (!size) return fail(Errc::io, (*opened)->name() + "@" + digest.str() + ": the registry states no size");
  const Descriptor found{.media_type = {}, .digest = digest, .size = *size};
  known_.add(found);
  return found;
}

Result<BlobReader> RemoteRegistry::get_blob(std::string_view repository, const Digest& digest) {
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  auto descriptor = known_.find(digest);
  if (!descriptor) {
    auto resolved = resolve_blob(repository, digest);
    if (!resolved) return fail(std::move(resolved).error());
    descriptor = *std::move(resolved);
  }
  auto blob = blobs_->open(*descriptor, std::make_shared<RepositoryBlob>(*opened, digest, descriptor->size));
  if (!blob) return fail(std::move(blob).error());
  return whole(Descriptor{.media_type = {}, .digest = digest, .size = descriptor->size}, *std::move(blob));
}

Result<BlobReader> RemoteRegistry::get_blob_range(std::string_view repository, const Digest& digest,
                                                  std::int64_t begin, std::int64_t end) {
  auto reader = get_blob(repository, digest);
  if (!reader) return reader;
  const std::uint64_t size = reader->size();
  if (begin < 0 || static_cast<std::uint64_t>(begin) > size)
    return fail(RegistryCode::range_invalid, digest.str() + ": the range begins at " + std::to_string(begin) +
                                                 " of " + std::to_string(size));
  const auto first = static_cast<std::uint64_t>(begin);
  const std::uint64_t last = end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size);
  return BlobReader(reader->descriptor(), reader->blob(), first, std::max(first, last));
}

Result<BlobReader> RemoteRegistry::read_manifest(std::string_view repository, std::string_view reference,
                                                 const Digest& digest, const Context& context) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  RegistryRequest request{.object = (digest.empty() ? ":" : "@") + std::string(reference),
                          .path = "manifests/" + std::string(reference)};
  const std::string what = (*opened)->name() + request.object;
  request.fields.emplace_back("Accept", accepted_types());
  request.purpose = digest.empty() ? RemotePurpose::pull_by_tag : RemotePurpose::pull_by_digest;
  request.if_missing = RegistryCode::manifest_unknown;
  for (int attempt = 1;; ++attempt) {
    auto document = (*opened)->fetch(request, context);
    if (!document) return fail(std::move(document).error());
    auto manifest = check_manifest(*std::move(document), digest);
    if (manifest) {
      known_.add(manifest->descriptor);
      known_.learn(manifest->bytes, manifest->descriptor.media_type);
      return whole(std::move(manifest->descriptor),
                   std::make_shared<DocumentBlob>(std::move(manifest->bytes)));
    }
    if (attempt == kManifestAttempts || manifest.error().code() == Errc::unsupported)
      return fail(std::move(manifest).error(), what);
  }
}

Result<BlobReader> RemoteRegistry::get_manifest(std::string_view repository, const Digest& digest,
                                                const Context& context) {
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  return read_manifest(repository, digest.str(), digest, context);
}

Result<Descriptor> RemoteRegistry::resolve_manifest(std::string_view repository, const Digest& digest,
                                                    const Context& context) {
  const auto reader = get_manifest(repository, digest, context);
  if (!reader) return fail(Error(reader.error()));
  return reader->descriptor();
}

Result<BlobReader> RemoteRegistry::get_tag(std::string_view repository, std::string_view tag,
                                           const Context& context) {
  if (!is_tag(tag)) return fail(invalid_tag(tag));
  return read_manifest(repository, tag, {}, context);
}

Result<Descriptor> RemoteRegistry::resolve_tag(std::string_view repository, std::string_view tag,
                                               const Context& context) {
  const auto reader = get_tag(repository, tag, context);
  if (!reader) return fail(Error(reader.error()));
  return reader->descriptor();
}

Result<Descriptor> RemoteRegistry::push_blob(std::string_view repository, const Descriptor& descriptor,
                                             ByteSource& content, const Context& context) {
  if (auto checked = check_digest(descriptor.digest); !checked) return fail(std::move(checked).error());
  if (document_kind(descriptor.media_type) != DocumentKind::other) {
    auto bytes = read_all(content, kMaxResponse);
    if (!bytes) return fail(std::move(bytes).error());
    return push_manifest(repository, *bytes, descriptor.media_type,
                         {.digest = descriptor.digest, .context = context});
  }
  auto found = resolve_blob(repository, descriptor.digest);
  if (found) return descriptor;
  if (registry_code(found.error()) != RegistryCode::blob_unknown) return fail(std::move(found).error());
  auto writer = push_blob_chunked(repository);
  if (!writer) return fail(std::move(writer).error());
  auto stored = push_content(**writer, content, descriptor.digest, descriptor.size, context);
  if (!stored) return stored;
  return descriptor;
}

Result<std::unique_ptr<BlobWriter>> RemoteRegistry::push_blob_chunked_resume(std::string_view repository,
                                                                             std::string_view id,
                                                                             std::int64_t offset,
                                                                             std::size_t chunk_size) {
  auto opened = session(repository);
  if (!opened) return fail(std::move(opened).error());
  return open_remote_upload(*std::move(opened), std::string(id), offset, chunk_size);
}

Result<Descriptor> RemoteRegistry::mount_blob(std::string_view from, std::string_view to,
                                              const Digest& digest, const Context& context) {
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  if (!is_repository_name(from)) return fail(invalid_repository(from));
  const auto opened = session(to, from);
  if (!opened) return fail(Error(opened.error()));
  auto mounted = mount_remote_blob(**opened, std::string(from), digest, context);
  if (!mounted) return fail(std::move(mounted).error());
  if (!*mounted)
    return fail(RegistryCode::blob_unknown, (*opened)->name() + "@" + digest.str() +
                                                ": the registry does not mount it from " + std::string(from));
  return resolve_blob(to, digest);
}

Result<Descriptor> RemoteRegistry::push_manifest(std::string_view repository, ByteView manifest,
                                                 std::string_view media_type,
                                                 const PushManifestParameters& parameters) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  const Digest digest =
      Digest::of(manifest, parameters.digest.empty() ? kBlobAlgorithm : parameters.digest.algorithm());
  if (!parameters.digest.empty() && parameters.digest != digest)
    return fail(Errc::digest_invalid,
                parameters.digest.str() + ": the manifest has the digest " + digest.str());
  std::vector<std::string> references = parameters.tags;
  for (const std::string& tag : references)
    if (!is_tag(tag)) return fail(invalid_tag(tag));
  if (references.empty()) references.push_back(digest.str());
  bool lists_referrers = false;
  for (const std::string& reference : references) {
    RegistryRequest request{.method = "PUT", .path = "manifests/" + reference};
    request.fields.emplace_back("Content-Type", std::string(media_type));
    request.body = manifest;
    request.purpose = RemotePurpose::push;
    const auto response = (*opened)->send(request, parameters.context);
    if (!response) return fail(Error(response.error()));
    lists_referrers = !(*response)->fields("OCI-Subject").empty();
  }
  Descriptor descriptor{.media_type = std::string(media_type), .digest = digest, .size = manifest.size()};
  // A registry with a list of referrers names the subject ("Pushing Manifests with Subject").
  const auto node = parse_graph_node(manifest, media_type);
  const auto referrer = node && !lists_referrers ? referrer_of(descriptor, *node) : std::nullopt;
  if (!referrer) return descriptor;
  auto added = list_referrer(repository, *referrer, parameters.context);
  return added ? Result<Descriptor>(std::move(descriptor)) : fail(std::move(added).error());
}

Status RemoteRegistry::remove(std::string_view repository, const std::string& path, RegistryCode if_missing,
                              const Context& context) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  RegistryRequest request{.method = "DELETE", .path = path};
  request.purpose = RemotePurpose::push;
  request.if_missing = if_missing;
  const auto response = (*opened)->send(request, context);
  return response ? Status() : fail(Error(response.error()));
}

Status RemoteRegistry::delete_blob(std::string_view repository, const Digest& digest) {
  if (auto checked = check_digest(digest); !checked) return checked;
  return remove(repository, "blobs/" + digest.str(), RegistryCode::blob_unknown, {});
}

Status RemoteRegistry::delete_manifest(std::string_view repository, const Digest& digest,
                                       const Context& context) {
  if (auto checked = check_digest(digest); !checked) return checked;
  const auto referrer = find_referrer(repository, digest, context);
  if (!referrer) return fail(Error(referrer.error()));
  // First the list: after a failure in between, the same call can be repeated.
  const auto is_forgotten =
      *referrer ? forget_referrer(repository, **referrer, context) : Result<bool>(false);
  if (!is_forgotten)
    return fail(
        Error(is_forgotten.error()),
        digest.str() + ": not removed, because the list of the referrers of its subject was not changed");
  auto removed = remove(repository, "manifests/" + digest.str(), RegistryCode::manifest_unknown, context);
  if (removed || !*is_forgotten || !is_refusal(removed.error())) return removed;
  if (auto listed = list_referrer(repository, **referrer, context); !listed)
    return fail(std::move(removed).error(),
                digest.str() + ": not removed, but no longer in the list of the referrers of its subject");
  return removed;
}

Result<std::optional<Referrer>> RemoteRegistry::find_referrer(std::string_view repository,
                                                              const Digest& digest, const Context& context) {
  const auto reader = get_manifest(repository, digest, context);
  if (!reader) {
    // A manifest that cannot be understood can be removed, too.
    const Errc code = reader.error().code();
    if (code == Errc::not_found || code == Errc::corrupt) return std::nullopt;
    return fail(Error(reader.error()));
  }
  Bytes text(static_cast<std::size_t>(reader->size()));
  const auto read = reader->blob()->read_at(text, 0, context);
  if (!read) return fail(Error(read.error()));
  text.resize(*read);
  const auto node = parse_graph_node(text, reader->descriptor().media_type);
  return node ? referrer_of(reader->descriptor(), *node) : std::nullopt;
}

Result<bool> RemoteRegistry::forget_referrer(std::string_view repository, const Referrer& referrer,
                                             const Context& context) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  const auto listed = list_own_referrers(**opened, referrer.subject, context);
  if (!listed) return fail(Error(listed.error()));
  if (*listed) return false;
  const std::lock_guard taking_turns(referrers_);
  return remove_from_referrers_tag(**opened, referrer.subject, referrer.descriptor.digest, context);
}

Status RemoteRegistry::list_referrer(std::string_view repository, const Referrer& referrer,
                                     const Context& context) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  const std::lock_guard taking_turns(referrers_);
  return add_to_referrers_tag(**opened, referrer, context);
}

Status RemoteRegistry::delete_tag(std::string_view repository, std::string_view tag, const Context& context) {
  if (!is_tag(tag)) return fail(invalid_tag(tag));
  auto removed = remove(repository, "manifests/" + std::string(tag), RegistryCode::manifest_unknown, context);
  if (removed) return removed;
  // The answers of registries that delete manifests by digest alone.
  const RegistryCode code = registry_code(removed.error());
  if (code != RegistryCode::digest_invalid && code != RegistryCode::unsupported) return removed;
  return fail(registry_error(RegistryCode::unsupported, removed.error().message())
                  .with_hint("if the registry removes only manifests, use: layoutfs manifest rm"));
}

Result<std::vector<std::string>> RemoteRegistry::repositories(const Page& page, const Context& context) {
  const auto opened = session({});
  if (!opened) return fail(Error(opened.error()));
  return list_remote_names(**opened, "_catalog", "repositories", page, context);
}

Result<std::vector<std::string>> RemoteRegistry::tags(std::string_view repository, const Page& page,
                                                      const Context& context) {
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  return list_remote_names(**opened, "tags/list", "tags", page, context);
}

Result<std::vector<Descriptor>> RemoteRegistry::referrers(std::string_view repository, const Digest& digest,
                                                          std::string_view artifact_type,
                                                          const Context& context) {
  if (auto checked = check_digest(digest); !checked) return fail(std::move(checked).error());
  const auto opened = session(repository);
  if (!opened) return fail(Error(opened.error()));
  auto listed = list_remote_referrers(**opened, digest, context);
  if (!listed) return fail(std::move(listed).error());
  if (!artifact_type.empty())
    std::erase_if(*listed, [&](const Descriptor& each) { return each.artifact_type != artifact_type; });
  std::ranges::sort(*listed, {}, &Descriptor::digest);
  for (const Descriptor& each : *listed) known_.add(each);
  return listed;
}

}  // namespace layoutfs
