// Parses image documents.
#include "layoutfs/documents.h"
#include "core/cas/descriptor_json.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "core/base/json.h"
#include "core/cas/members.h"
#include "core/oci/document_members.h"
#include "core/oci/media_types.h"

namespace layoutfs {
namespace {

// No image has nearly as many (the limit of overlayfs is 500), and each takes memory.
constexpr std::size_t kMaxLayers = 4096;

constexpr std::array<std::string_view, 2> kIndexTypes{media_type::kOciIndex, media_type::kDockerManifestList};
constexpr std::array<std::string_view, 2> kManifestTypes{media_type::kOciManifest,
                                                         media_type::kDockerManifest};
constexpr std::array<std::string_view, 2> kConfigTypes{media_type::kOciConfig, media_type::kDockerConfig};

constexpr std::array<std::string_view, 2> kArtifactTypes{media_type::kOciArtifactManifest,
                                                         media_type::kOrasArtifactManifest};
constexpr std::array<std::string_view, 2> kSchema1Types{media_type::kDockerSchema1,
                                                        media_type::kDockerSchema1Manifest};

bool is_one_of(std::string_view media_type, const std::array<std::string_view, 2>& known) {
  return std::ranges::any_of(known, [&](std::string_view each) { return is_media_type(media_type, each); });
}

// Common checks of indexes and manifests: the schema version is 2 or absent, and the media type is not that
// of `other`.
Result<JsonDocument> parse_versioned(ByteView text, DocumentKind other) {
  auto document = parse_object(text, members::kDocument);
  if (!document) return document;
  const auto root = document->root();
  const auto media_type = text_of(root, "mediaType");
  if (!media_type.empty() && document_kind(media_type) == other)
    return invalid("the document has the media type " + media_type);
  const auto version = root.find("schemaVersion");
  if (root.find("fsLayers") || (version && version->as_integer() == 1)) return invalid("a schema 1 manifest");
  if (version && !version->is_null() && version->as_integer() != 0 && version->as_integer() != 2)
    return invalid("schema version " + version->dump().substr(0, 20) + ", not 2");
  return document;
}

Result<std::optional<Descriptor>> parse_subject(JsonValue root) {
  const auto member = root.find("subject");
  if (!member || member->is_null()) return std::nullopt;
  auto subject = parse_descriptor(*member);
  if (!subject) return fail(std::move(subject).error(), "subject");
  return std::optional<Descriptor>(std::move(*subject));
}

// Parses an array of descriptors, which must all be valid; messages call an element `name`.
Result<std::vector<Descriptor>> parse_blobs(JsonValue array, const std::string& name) {
  std::vector<Descriptor> blobs;
  if (array.is_null()) return blobs;
  if (!array.is_array()) return invalid(name + "s are not an array");
  if (array.size() > kMaxLayers)
    return invalid(std::to_string(array.size()) + " " + name + "s, more than " + std::to_string(kMaxLayers));
  for (std::size_t i = 0; i < array.size(); ++i) {
    auto blob = parse_descriptor(array.at(i));
    if (!blob) return fail(std::move(blob).error(), name + "s[" + std::to_string(i) + "]");
    blobs.push_back(std::move(*blob));
  }
  return blobs;
}

// Reads and parses the document of `descriptor`. Errors name it, as those of read_document do.
template <class Document>
Result<Document> read_parsed(const Provider& provider, const Descriptor& descriptor) {
  auto text = read_document(provider, descriptor);
  if (!text) return fail(std::move(text).error());
  auto document = Document::parse(*text);
  if (!document) return fail(std::move(document).error(), descriptor.digest.str());
  return document;
}

}  // namespace

DocumentKind document_kind(std::string_view media_type) {
  if (is_one_of(media_type, kIndexTypes)) return DocumentKind::index;
  return is_one_of(media_type, kManifestTypes) ? DocumentKind::manifest : DocumentKind::other;
}

bool is_artifact_type(std::string_view media_type) { return is_one_of(media_type, kArtifactTypes); }

bool is_schema1_type(std::string_view media_type) { return is_one_of(media_type, kSchema1Types); }

bool may_be_elsewhere(const Descriptor& layer) {
  const std::string type = essence_of(layer.media_type);
  return !layer.urls.empty() && (type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
                                 type.starts_with("application/vnd.docker.image.rootfs.foreign."));
}

bool is_config_type(std::string_view media_type) { return is_one_of(media_type, kConfigTypes); }

Result<Index> Index::parse(ByteView text) {
  const auto document = parse_versioned(text, DocumentKind::manifest);
  if (!document) return fail(Error(document.error()));
  const auto root = document->root();
  if (root.find("layers") || root.find("config")) return invalid("a manifest under an index's media type");
  auto list = DescriptorList::from_member(root, "manifests");
  if (!list) return fail(std::move(list).error());
  auto subject = parse_subject(root);
  if (!subject) return fail(std::move(subject).error());
  return Index{std::move(list->entries), std::move(list->problems), std::move(*subject),
               text_of(root, "artifactType"), annotations_of(root).value_or(Annotations())};
}

Result<Manifest> Manifest::parse(ByteView text) {
  const auto document = parse_versioned(text, DocumentKind::index);
  if (!document) return fail(Error(document.error()));
  const auto root = document->root();
  if (root.find("manifests")) return invalid("an index under a manifest's media type");
  const auto config_member = root.find("config");
  if (!config_member) return invalid("config is missing");
  auto config = parse_descriptor(*config_member);
  if (!config) return fail(std::move(config).error(), "config");
  const auto layers_member = root.find("layers");
  if (!layers_member) return invalid("layers are missing");
  auto layers = parse_blobs(*layers_member, "layer");
  if (!layers) return fail(std::move(layers).error());
  auto subject = parse_subject(root);
  if (!subject) return fail(std::move(subject).error());
  return Manifest{std::move(*config), std::move(*layers), std::move(*subject), text_of(root, "artifactType"),
                  annotations_of(root).value_or(Annotations())};
}

bool Manifest::is_image() const {
  if (is_config_type(config.media_type)) return true;
  return !layers.empty() && std::ranges::all_of(layers, is_layer_type, &Descriptor::media_type);
}

Result<ArtifactManifest> ArtifactManifest::parse(ByteView text) {
  const auto document = parse_object(text, members::kDocument);
  if (!document) return fail(Error(document.error()));
  const auto root = document->root();
  if (root.find("manifests") || root.find("layers"))
    return invalid("an index or a manifest under an artifact's media type");
  ArtifactManifest artifact;
  if (const auto member = root.find("blobs")) {
    auto blobs = parse_blobs(*member, "blob");
    if (!blobs) return fail(std::move(blobs).error());
    artifact.blobs = std::move(*blobs);
  }
  auto subject = parse_subject(root);
  if (!subject) return fail(std::move(subject).error());
  artifact.subject = std::move(*subject);
  artifact.artifact_type = text_of(root, "artifactType");
  artifact.annotations = annotations_of(root).value_or(Annotations());
  return artifact;
}

Result<Schema1Manifest> Schema1Manifest::parse(ByteView text) {
  const auto document = parse_object(text, members::kDocument);
  if (!document) return fail(Error(document.error()));
  const auto root = document->root();
  if (root.find("manifests") || root.find("layers") || root.find("config"))
    return invalid("an index or a manifest under the media type of schema 1");
  Schema1Manifest manifest;
  const auto layers = root.find("fsLayers");
  if (!layers) return invalid("fsLayers are missing");
  if (layers->is_null()) return manifest;
  if (!layers->is_array()) return invalid("fsLayers are not an array");
  if (layers->size() > kMaxLayers)
    return invalid(std::to_string(layers->size()) + " layers, more than " + std::to_string(kMaxLayers));
  for (std::size_t i = 0; i < layers->size(); ++i) {
    if (auto spelled = check_spelling(layers->at(i), members::kSchema1Layer); !spelled)
      return fail(std::move(spelled).error());
    auto digest = parse_digest(layers->at(i).find("blobSum"), "blobSum of layer " + std::to_string(i));
    if (!digest) return fail(std::move(digest).error());
    manifest.layers.push_back(std::move(*digest));
  }
  return manifest;
}

Result<Index> read_index(const Provider& provider, const Descriptor& descriptor) {
  return read_parsed<Index>(provider, descriptor);
}
Result<Manifest> read_manifest(const Provider& provider, const Descriptor& descriptor) {
  return read_parsed<Manifest>(provider, descriptor);
}
Result<Manifest> read_image_manifest(const Provider& provider, const Descriptor& descriptor) {
  auto manifest = read_manifest(provider, descriptor);
  if (!manifest) return manifest;
  if (auto checked = check_image_manifest(*manifest); !checked) return fail(std::move(checked).error());
  return manifest;
}

Status check_image_manifest(const Manifest& manifest) {
  if (manifest.is_image()) return {};
  return fail(Errc::unsupported,
              "not an image: its config is of media type '" + manifest.config.media_type + "'");
}

Result<ImageConfig> read_config(const Provider& provider, const Descriptor& descriptor) {
  return read_parsed<ImageConfig>(provider, descriptor);
}

}  // namespace layoutfs
