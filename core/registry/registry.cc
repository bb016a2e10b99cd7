// The default implementations: Errc::unsupported.
#include "layoutfs/registry.h"

namespace layoutfs {
namespace {

std::unexpected<Error> unsupported(std::string_view operation) {
  return fail(Errc::unsupported, "this registry cannot " + std::string(operation));
}

}  // namespace

Result<Descriptor> Registry::resolve_blob(std::string_view, const Digest&) {
  return unsupported("resolve blobs");
}
Result<BlobReader> Registry::get_blob(std::string_view, const Digest&) { return unsupported("read blobs"); }
Result<BlobReader> Registry::get_blob_range(std::string_view, const Digest&, std::int64_t, std::int64_t) {
  return unsupported("read ranges of blobs");
}
Result<Descriptor> Registry::resolve_manifest(std::string_view, const Digest&, const Context&) {
  return unsupported("resolve manifests");
}
Result<BlobReader> Registry::get_manifest(std::string_view, const Digest&, const Context&) {
  return unsupported("read manifests");
}
Result<Descriptor> Registry::resolve_tag(std::string_view, std::string_view, const Context&) {
  return unsupported("resolve tags");
}
Result<BlobReader> Registry::get_tag(std::string_view, std::string_view, const Context&) {
  return unsupported("read tags");
}
Result<Descriptor> Registry::push_blob(std::string_view, const Descriptor&, ByteSource&, const Context&) {
  return unsupported("store blobs");
}
Result<std::unique_ptr<BlobWriter>> Registry::push_blob_chunked(std::string_view repository,
                                                                std::size_t chunk_size) {
  return push_blob_chunked_resume(repository, {}, 0, chunk_size);
}
Result<std::unique_ptr<BlobWriter>> Registry::push_blob_chunked_resume(std::string_view, std::string_view,
                                                                       std::int64_t, std::size_t) {
  return unsupported("store blobs in chunks");
}
Result<Descriptor> Registry::mount_blob(std::string_view, std::string_view, const Digest&, const Context&) {
  return unsupported("mount blobs");
}
Result<Descriptor> Registry::push_manifest(std::string_view, ByteView, std::string_view,
                                           const PushManifestParameters&) {
  return unsupported("store manifests");
}
Status Registry::delete_blob(std::string_view, const Digest&) { return unsupported("delete blobs"); }
Status Registry::delete_manifest(std::string_view, const Digest&, const Context&) {
  return unsupported("delete manifests");
}
Status Registry::delete_tag(std::string_view, std::string_view, const Context&) {
  return unsupported("delete tags");
}
Result<std::vector<std::string>> Registry::repositories(const Page&, const Context&) {
  return unsupported("list repositories");
}
Result<std::vector<std::string>> Registry::tags(std::string_view, const Page&, const Context&) {
  return unsupported("list tags");
}
Result<std::vector<Descriptor>> Registry::referrers(std::string_view, const Digest&, std::string_view,
                                                    const Context&) {
  return unsupported("list referrers");
}

}  // namespace layoutfs
