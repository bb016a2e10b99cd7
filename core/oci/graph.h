// The children of each document of a layout. LayoutGraph (layout_graph.h) is the graph of a whole layout,
// which reads each document once.
//
// The children depend on the kind of a document, which its media type determines. Manifests and indexes of
// OCI and Docker, artifact manifests and manifests of schema 1 are known. Layers and image configurations
// have no children. Any other blob may be a document of an unknown kind: if it looks like one (at most 4 MiB,
// a JSON object or array), its children are all blobs of the store that its text mentions by digest.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/oci/walk.h"
#include "layoutfs/documents.h"
#include "layoutfs/layout_reader.h"

namespace layoutfs {

// A manifest of schema 1, which has only the digests of its layers.
struct Schema1Node {
  std::vector<Descriptor> layers;  // with the sizes of the store's blobs; 0 if a blob does not exist
};

// A document of an unknown kind.
struct UnknownDocument {
  std::vector<Descriptor> mentioned;  // blobs of the store, without media types, sorted by digest
};

// A document with its children; std::monostate if the blob is not a document.
using GraphNode =
    std::variant<std::monostate, Index, Manifest, ArtifactManifest, Schema1Node, UnknownDocument>;

// Returns whether a media type is that of a known kind of document.
bool is_document_type(std::string_view media_type);
// Returns whether a blob of this media type may be a document of an unknown kind.
bool is_unknown_type(std::string_view media_type);

// Reads the document of `descriptor`. Its kind is given by the media type; if that is empty, by its member
// `mediaType` or its other members. Layers and configurations are not read. Errors are those of read_index
// and read_manifest. A blob of an unknown type is verified, too: Errc::not_found, Errc::corrupt.
Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor);

// Returns the node of a document by its text alone; std::monostate if its media type is not that of a known
// kind. The layers of schema 1 are not included. Errors are those of the parsers in layoutfs/documents.h.
Result<GraphNode> parse_graph_node(ByteView text, std::string_view media_type);

// Returns the children in document order: the config and the layers of a manifest, the manifests of an index,
// the blobs of an artifact manifest, the layers of schema 1, and the blobs that an unknown document mentions.
std::vector<Descriptor> children_of(GraphNode node);
// Returns the document's subject.
std::optional<Descriptor> subject_of(const GraphNode& node);
// Returns the children, then the subject. Leaves out a subject that the layout does not have: it may arrive
// later, or never (distribution-spec, "Pushing Manifests with Subject").
std::vector<Descriptor> children_and_subject_of(const LayoutReader& reader, GraphNode node);
// children_and_subject_of(read_graph_node). Errc::invalid_image also if an index has an invalid entry,
// because its content is unknown.
Result<std::vector<Descriptor>> children_and_subject_of(const LayoutReader& reader,
                                                        const Descriptor& descriptor);

// A document with a subject, as in a list of referrers (distribution-spec, "Listing Referrers").
struct Referrer {
  Digest subject;
  Descriptor descriptor;  // with the type and annotations of the document itself
};
// Returns nullopt if the document of `descriptor` has no subject.
std::optional<Referrer> referrer_of(const Descriptor& descriptor, const GraphNode& node);

// A child of an index that the layout does not have; image-spec allows this (image-layout.md, "Blobs").
struct AbsentChild {
  Digest index;
  Descriptor child;
};
struct IndexChildren {
  std::vector<Descriptor> present;  // without duplicates
  std::vector<AbsentChild> absent;  // without duplicates
};
// Called with each document that cannot be read, and each invalid entry of an index. If the call succeeds,
// the walk continues without it; an error ends the walk.
using OnProblem = std::function<Status(const Descriptor& document, Error problem)>;

// Returns a handler that descends to the children_of() of indexes, manifests and artifact manifests, by their
// media types. `provider` must outlive it. Without `on_problem`, each problem ends the walk.
Handler children_handler(const Provider& provider, OnProblem on_problem = {});

// Returns one sentence about a document of an unknown kind.
std::string describe(const Descriptor& document, const UnknownDocument& content);

// Returns a handler that skips descriptors without a digest, and digests that were visited before, unless the
// media type now indicates another kind of document. Placed before another handler in handlers(), it passes
// each digest once. For one walk or dispatch; copies share their state.
Handler first_visits();

}  // namespace layoutfs
