#include "core/remote/remote_layout.h"

#include <algorithm>
#include <utility>

#include "core/cas/layout_dir.h"
#include "core/cas/marker.h"
#include "core/oci/graph.h"
#include "layoutfs/documents.h"
#include "layoutfs/open.h"

namespace layoutfs {
namespace {

// Documents that are kept; an index has one for each platform.
constexpr std::size_t kMostDocuments = 64;

}  // namespace

RemoteLayout::RemoteLayout(std::shared_ptr<RemoteRegistry> registry, RemoteName name)
    : registry_(std::move(registry)), name_(std::move(name)) {}

Result<std::shared_ptr<RemoteLayout>> RemoteLayout::open(std::shared_ptr<RemoteRegistry> registry,
                                                         RemoteName name, const Context& context) {
  std::shared_ptr<RemoteLayout> layout(new RemoteLayout(std::move(registry), std::move(name)));
  const RemoteName& own = layout->name_;
  auto found = own.digest.empty() ? layout->registry_->get_tag(own.repository, own.reference(), context)
                                  : layout->registry_->get_manifest(own.repository, own.digest, context);
  if (!found) return fail(std::move(found).error());
  Descriptor entry = found->descriptor();
  layout->documents_.lock()->emplace(entry.digest, found->blob());
  if (own.digest.empty()) entry.annotations.emplace(kRefName, own.reference());
  auto references = std::make_shared<References>();
  references->entries.push_back(std::move(entry));
  layout->references_ = std::move(references);
  return layout;
}

Status RemoteLayout::add_referrers(const Context& context) {
  auto listed = registry_->referrers(name_.repository, references_->entries.front().digest, {}, context);
  if (!listed) return fail(std::move(listed).error());
  auto references = std::make_shared<References>(*references_);
  for (Descriptor& referrer : *listed) references->entries.push_back(std::move(referrer));
  references_ = std::move(references);
  return {};
}

Result<BlobPtr> RemoteLayout::get_blob(const Digest& digest, const Context& context) const {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (digest.empty()) return fail(Errc::digest_invalid, "empty digest");
  {
    auto documents = documents_.lock();
    if (const auto found = documents->find(digest); found != documents->end()) return found->second;
  }
  const auto known = registry_->known().find(digest);
  if (!known || !is_document_type(known->media_type)) {
    auto reader = registry_->get_blob(name_.repository, digest);
    if (!reader) return fail(std::move(reader).error());
    return reader->blob();
  }
  auto document = registry_->get_manifest(name_.repository, digest, context);
  if (!document) return fail(std::move(document).error());
  auto documents = documents_.lock();
  if (documents->size() < kMostDocuments) documents->emplace(digest, document->blob());
  return document->blob();
}

Status RemoteLayout::prefetch(const Descriptor& manifest, const Context& context) const {
  auto document = read_manifest(*this, manifest);
  if (!document) return fail(std::move(document).error());
  std::vector<Descriptor> wanted = std::move(document->layers);
  wanted.insert(wanted.begin(), std::move(document->config));
  for (const Descriptor& each : wanted) {
    const auto blob = get_blob(each.digest, context);
    if (!blob) return fail(Error(blob.error()), each.digest.str());
    const auto remote = std::dynamic_pointer_cast<const RemoteBlob>(*blob);
    if (remote == nullptr) continue;  // a document
    if (auto fetched = remote->prefetch(context); !fetched)
      return fail(std::move(fetched).error(), each.digest.str());
  }
  return {};
}

Result<std::optional<BlobStatus>> RemoteLayout::blob_status(const Digest& digest,
                                                            const Context& context) const {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (const auto known = registry_->known().find(digest)) return BlobStatus{.size = known->size, .put_ns = 0};
  const auto found = registry_->resolve_blob(name_.repository, digest);
  if (found) return BlobStatus{.size = found->size, .put_ns = 0};
  if (found.error().code() == Errc::not_found) return std::optional<BlobStatus>();
  return fail(Error(found.error()));
}

Result<std::string> RemoteLayout::blob_path(const Digest&, const Context&) const {
  return fail(Errc::unsupported, name_.repository_name() + ": blobs of a registry are not files");
}

Result<std::vector<Digest>> RemoteLayout::list_blobs(Algorithm algorithm, const Context&) const {
  std::vector<Digest> all = registry_->known().digests();
  std::erase_if(all, [algorithm](const Digest& each) { return each.algorithm() != algorithm; });
  return all;
}

std::int64_t RemoteLayout::listing_ns(Algorithm, const Context&) const {
  return now_ns();  // documents that are read later mention further blobs
}

Result<std::shared_ptr<const References>> RemoteLayout::references(const Context&) const {
  return references_;
}

Result<Descriptor> RemoteLayout::get_reference(std::string_view name, const Context&) const {
  const Descriptor& entry = references_->entries.front();
  if (entry.ref_name() != name)
    return fail(Errc::not_found, name_.repository_name() + ": no reference '" + std::string(name) + "'");
  Descriptor target = entry;
  target.annotations.erase(std::string(kRefName));
  return target;
}

Result<std::vector<std::string>> RemoteLayout::list_references(const Context&) const {
  const auto name = references_->entries.front().ref_name();
  return name ? std::vector<std::string>{std::string(*name)} : std::vector<std::string>();
}

Result<Bytes> RemoteLayout::marker(const Context&) const {
  const std::string text = ImageLayout{std::string(kImageLayoutVersion)}.json();
  const ByteView bytes = as_bytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace layoutfs
