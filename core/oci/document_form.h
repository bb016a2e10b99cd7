// The forms of documents by which they lead on to other blobs, and how a document of each is parsed. Used by
// graph.h and layout_graph.h alone.
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
  untyped,   // without a media type: the text decides
  leaf,      // leads nowhere, and is not read for that
  index,     // OCI's or Docker's
  manifest,  // OCI's or Docker's
  artifact,  // an artifact manifest, OCI's or ORAS's
  schema1,   // Docker's manifest of schema 1
  unknown,   // any other media type: it may be a document
};

// Returns the form by the media type alone.
DocumentForm form_of(std::string_view media_type);
// Returns the form of a document that comes without a media type: by its member `mediaType`, else by its
// other members; DocumentForm::unknown if neither tells.
struct OwnForm {
  DocumentForm form;
  std::string media_type;  // its member `mediaType`, empty if it does not have one
};
OwnForm form_of_text(ByteView text);
// Returns whether documents of this form are understood: all of them are read by their own rules.
bool is_understood(DocumentForm form);

// Parses a document of one of the forms that are understood. What a document leaves to its store is left out:
// see digests_of(). Errors are those of the parsers.
Result<GraphNode> parse_node(DocumentForm form, ByteView text);
// Returns the digests that a document names without descriptors: the layers of schema 1 in their order; of an
// unknown document every digest that occurs in it, sorted. Nothing for every other form, and for a blob that
// does not look like a document.
Result<std::optional<std::vector<Digest>>> digests_of(DocumentForm form, ByteView text);

// Returns the descriptor of a blob that is known by its digest alone; nothing if there is no such blob.
using FindBlob = std::function<Result<std::optional<Descriptor>>(const Digest& digest)>;
// Returns the node of a document of schema 1 or of unknown kind from its digests_of(), by the blobs that
// there are at this moment.
Result<GraphNode> resolve_node(const FindBlob& find_blob, DocumentForm form,
                               const std::vector<Digest>& digests);

}  // namespace layoutfs
