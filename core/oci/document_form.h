// The forms of documents with children, and their parsers. Only for graph.h and layout_graph.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/oci/graph.h"
#include "layoutfs/bytes.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"

namespace layoutfs {

enum class DocumentForm : std::uint8_t {
  untyped,   // no media type: the text decides
  leaf,      // has no children, and is not read
  index,     // OCI's or Docker's
  manifest,  // OCI's or Docker's
  artifact,  // an artifact manifest, OCI's or ORAS's
  schema1,   // Docker's manifest of schema 1
  unknown,   // another media type: possibly a document
};

// Returns the form by the media type alone.
DocumentForm form_of(std::string_view media_type);
// Returns the form of a document without a media type: by its member `mediaType`, otherwise by its other
// members; DocumentForm::unknown if neither decides.
struct OwnForm {
  DocumentForm form;
  std::string media_type;  // its member `mediaType`, "" if absent
};
OwnForm form_of_text(ByteView text);
// Returns whether documents of this form are known and parsed completely.
bool is_understood(DocumentForm form);

// Parses a document of a known form. Children without descriptors are not included, see digests_of(). Errors
// are those of the parsers.
Result<GraphNode> parse_node(DocumentForm form, ByteView text);
// Returns the children that a document names by digest alone: for schema 1 the layers in order, for an
// unknown document all digests in its text, sorted. Returns nullopt for other forms, and if the blob does not
// look like a document.
Result<std::optional<std::vector<Digest>>> digests_of(DocumentForm form, ByteView text);

// Returns the descriptor of a blob by its digest, nullopt if it does not exist.
using FindBlob = std::function<Result<std::optional<Descriptor>>(const Digest& digest)>;
// Returns the node of a schema 1 or unknown document, given its digests_of() and the blobs that exist now.
Result<GraphNode> resolve_node(const FindBlob& find_blob, DocumentForm form,
                               const std::vector<Digest>& digests);

}  // namespace layoutfs
