#include "core/registry/manifest_check.h"

#include <optional>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "layoutfs/documents.h"
#include "layoutfs/registry_code.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxText = 255;

std::unexpected<Error> invalid(const std::string& message) {
  return fail(RegistryCode::manifest_invalid, message);
}
std::unexpected<Error> invalid(const Error& error) { return invalid(error.message()); }

std::string element(std::string_view array, std::size_t position) {
  return std::string(array) + "[" + std::to_string(position) + "]";
}

Status check_text(const std::string& member, std::string_view text) {
  return text.size() <= kMaxText ? Status() : invalid(member + " has more than 255 bytes");
}

Status check_annotations(const std::string& member, const Annotations& annotations) {
  for (const auto& [key, value] : annotations)
    if (auto checked = check_text(member + ": annotation", key); !checked) return checked;
  return {};
}

Status check_descriptor(const std::string& member, const Descriptor& descriptor) {
  if (auto checked = check_text(member + ".mediaType", descriptor.media_type); !checked) return checked;
  if (auto checked = check_text(member + ".artifactType", descriptor.artifact_type); !checked) return checked;
  return check_annotations(member, descriptor.annotations);
}

Status check_present(const std::string& member, const Descriptor& descriptor, const HasBlob& has_blob) {
  const auto found = has_blob(descriptor.digest);
  if (!found) return fail(Error(found.error()));
  return *found ? Status() : invalid("blob for " + member + " not found: " + descriptor.digest.str());
}

// Manifests and indexes have the same members at the top.
template <class Document>
Status check_top(const Document& document) {
  if (auto checked = check_text("artifactType", document.artifact_type); !checked) return checked;
  if (auto checked = check_annotations("annotations", document.annotations); !checked) return checked;
  return document.subject ? check_descriptor("subject", *document.subject) : Status();
}

Status check_index(ByteView text, const HasBlob& has_blob) {
  const auto index = Index::parse(text);
  if (!index) return invalid(index.error());
  if (!index->problems.empty()) return invalid("manifests: " + index->problems.front());
  if (auto checked = check_top(*index); !checked) return checked;
  for (std::size_t i = 0; i < index->manifests.size(); ++i) {
    const std::string member = element("manifests", i);
    if (auto checked = check_descriptor(member, index->manifests[i]); !checked) return checked;
    if (auto present = check_present(member, index->manifests[i], has_blob); !present) return present;
  }
  return {};
}

Status check_image(ByteView text, const HasBlob& has_blob) {
  const auto manifest = Manifest::parse(text);
  if (!manifest) return invalid(manifest.error());
  if (auto checked = check_top(*manifest); !checked) return checked;
  const auto check_blob = [&](const std::string& member, const Descriptor& blob) -> Status {
    if (auto checked = check_descriptor(member, blob); !checked) return checked;
    return blob.urls.empty() ? check_present(member, blob, has_blob) : Status();
  };
  for (std::size_t i = 0; i < manifest->layers.size(); ++i)
    if (auto checked = check_blob(element("layers", i), manifest->layers[i]); !checked) return checked;
  return check_blob("config", manifest->config);
}

// Its blobs need not exist: the specification does not require it.
Status check_artifact(ByteView text) {
  const auto artifact = ArtifactManifest::parse(text);
  return artifact ? Status() : invalid(artifact.error());
}

// Returns the kind that the document states, if it does.
DocumentKind own_kind(ByteView text) {
  const auto document = JsonDocument::parse(text);
  const auto own = document ? document->root().find("mediaType") : std::nullopt;
  return own ? document_kind(own->as_string().value_or("")) : DocumentKind::other;
}

}  // namespace

Status check_manifest(ByteView document, std::string_view media_type, const HasBlob& has_blob) {
  if (auto checked = check_text("the media type", media_type); !checked) return checked;
  if (is_artifact_type(media_type)) return check_artifact(document);
  const DocumentKind named = document_kind(media_type);
  if (named == DocumentKind::other) return {};
  const DocumentKind own = own_kind(document);
  const bool is_index = (own == DocumentKind::other ? named : own) == DocumentKind::index;
  return is_index ? check_index(document, has_blob) : check_image(document, has_blob);
}

}  // namespace layoutfs
