#include "core/oci/document_form.h"

#include <utility>

#include "core/base/json.h"
#include "core/base/json_names.h"
#include "core/oci/media_types.h"
#include "core/oci/mentions.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

// Returns whether any reader would accept a member of `object` as `field`.
bool may_have(JsonValue object, std::string_view field) {
  for (std::size_t i = 0; object.is_object() && i < object.size(); ++i)
    if (is_folded_equal(object.name_at(i), field)) return true;
  return false;
}

// Returns whether it has children like a manifest. An image's config has a member `config`, too, but not a
// descriptor.
bool has_manifest_members(JsonValue root) {
  if (may_have(root, "layers")) return true;
  for (std::size_t i = 0; root.is_object() && i < root.size(); ++i)
    if (is_folded_equal(root.name_at(i), "config") && may_have(root.at(i), "digest")) return true;
  return false;
}

std::string own_type_of(JsonValue root) {
  const auto own = root.find("mediaType");
  return std::string(own ? own->as_string().value_or("") : "");
}

DocumentForm form_by_members(JsonValue root) {
  if (may_have(root, "manifests")) return DocumentForm::index;
  if (has_manifest_members(root)) return DocumentForm::manifest;
  if (may_have(root, "fsLayers")) return DocumentForm::schema1;
  return may_have(root, "blobs") ? DocumentForm::artifact : DocumentForm::unknown;
}

template <class Document>
Result<GraphNode> parse_as(ByteView text) {
  auto document = Document::parse(text);
  if (!document) return fail(std::move(document).error());
  return GraphNode(std::move(*document));
}

}  // namespace

DocumentForm form_of(std::string_view media_type) {
  if (media_type.empty()) return DocumentForm::untyped;
  switch (document_kind(media_type)) {
    case DocumentKind::index:
      return DocumentForm::index;
    case DocumentKind::manifest:
      return DocumentForm::manifest;
    case DocumentKind::other:
      break;
  }
  if (is_artifact_type(media_type)) return DocumentForm::artifact;
  if (is_schema1_type(media_type)) return DocumentForm::schema1;
  const bool leads_nowhere = is_layer_type(media_type) || is_config_type(media_type) ||
                             is_media_type(media_type, media_type::kOciEmpty);
  return leads_nowhere ? DocumentForm::leaf : DocumentForm::unknown;
}

bool is_understood(DocumentForm form) {
  return form == DocumentForm::index || form == DocumentForm::manifest || form == DocumentForm::artifact ||
         form == DocumentForm::schema1;
}

// The members with children decide. The parser checks the rest: if an invalid document counted as a leaf, the
// garbage collection would delete its children.
OwnForm form_of_text(ByteView text) {
  const auto document = JsonDocument::parse(text, {.are_names_unique = false});
  if (!document) return {DocumentForm::unknown, ""};
  const auto root = document->root();
  std::string own_type = own_type_of(root);
  const auto own = form_of(own_type);
  return {is_understood(own) ? own : form_by_members(root), std::move(own_type)};
}

Result<GraphNode> parse_node(DocumentForm form, ByteView text) {
  switch (form) {
    case DocumentForm::index:
      return parse_as<Index>(text);
    case DocumentForm::manifest:
      return parse_as<Manifest>(text);
    case DocumentForm::artifact:
      return parse_as<ArtifactManifest>(text);
    case DocumentForm::schema1:
    case DocumentForm::unknown:
    case DocumentForm::untyped:
    case DocumentForm::leaf:
      break;
  }
  return GraphNode();
}

Result<std::optional<std::vector<Digest>>> digests_of(DocumentForm form, ByteView text) {
  if (form == DocumentForm::schema1) {
    auto manifest = Schema1Manifest::parse(text);
    if (!manifest) return fail(std::move(manifest).error());
    return std::optional(std::move(manifest->layers));
  }
  if (form != DocumentForm::unknown || !looks_like_document(text)) return std::nullopt;
  return std::optional(digests_in(text));
}

Result<GraphNode> resolve_node(const FindBlob& find_blob, DocumentForm form,
                               const std::vector<Digest>& digests) {
  Schema1Node schema1;
  UnknownDocument unknown;
  for (const Digest& digest : digests) {
    auto blob = find_blob(digest);
    if (!blob) return fail(std::move(blob).error());
    if (form == DocumentForm::schema1) {
      schema1.layers.push_back(*blob ? std::move(**blob) : Descriptor{.digest = digest});
      schema1.layers.back().media_type = media_type::kDockerLayerGzip;
    } else if (*blob) {
      unknown.mentioned.push_back(std::move(**blob));
    }
  }
  if (form == DocumentForm::schema1) return GraphNode(std::move(schema1));
  return GraphNode(std::move(unknown));
}

}  // namespace layoutfs
