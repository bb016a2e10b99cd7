// What each document of an image layout leads to. LayoutGraph (layout_graph.h) is the graph of a whole
// layout, which reads each document once.
//
// A document leads to others by its kind, which its media type tells. Manifests and indexes of OCI and
// Docker, artifact manifests and manifests of schema 1 are understood. Layers and image configurations lead
// nowhere. Any other blob may be a document of a kind that nobody here knows: if it looks like one (at most 4
// MiB, a JSON object or array), every blob of the store whose digest occurs in it counts as its child.
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

// A manifest of schema 1, which names its layers by digest alone.
struct Schema1Node {
  std::vector<Descriptor> layers;  // of the sizes that the store knows; size 0 if it does not have the blob
};

// A document of an unknown kind.
struct UnknownDocument {
  std::vector<Descriptor> mentioned;  // blobs of the store, without media types, sorted by digest
};

// A document as far as it leads on: std::monostate if the blob is not a document.
using GraphNode =
    std::variant<std::monostate, Index, Manifest, ArtifactManifest, Schema1Node, UnknownDocument>;

// Returns whether a media type is that of a document which is understood.
bool is_document_type(std::string_view media_type);
// Returns whether a blob of this media type may be a document of an unknown kind.
bool is_unknown_type(std::string_view media_type);

// Reads the document that `descriptor` names, by its media type; without one, by its member `mediaType`, else
// by its other members. Layers and configurations are not read. Errors are those of read_index and
// read_manifest. A blob of an unknown type is verified too: Errc::not_found, Errc::corrupt.
Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor);

// Returns the children in the order of the document: of a manifest the config, then the layers; of an index
// the manifests; of an artifact manifest the blobs; of schema 1 the layers; of an unknown document the blobs
// that it mentions.
std::vector<Descriptor> children_of(GraphNode node);
// Returns the document's subject.
std::optional<Descriptor> subject_of(const GraphNode& node);
// Returns the children, and the subject at the end. A subject that the layout does not have is left out: it
// may come later, or never (distribution-spec, "Pushing Manifests with Subject").
std::vector<Descriptor> children_and_subject_of(const LayoutReader& reader, GraphNode node);
// children_and_subject_of(read_graph_node). Errc::invalid_image also for an index with an entry that is not a
// descriptor: its content cannot be known.
Result<std::vector<Descriptor>> children_and_subject_of(const LayoutReader& reader,
                                                        const Descriptor& descriptor);

// A document with a subject, as a list of referrers shows it (distribution-spec, "Listing Referrers").
struct Referrer {
  Digest subject;
  Descriptor descriptor;  // with the type and the annotations of the document itself
};
// Returns nothing if the document of `descriptor` has no subject.
std::optional<Referrer> referrer_of(const Descriptor& descriptor, const GraphNode& node);

// A child of an index whose blob the layout does not have: image-spec allows that (image-layout.md, "Blobs").
struct AbsentChild {
  Digest index;
  Descriptor child;
};
struct IndexChildren {
  std::vector<Descriptor> present;  // each once
  std::vector<AbsentChild> absent;  // each once
};
// Called with each document that cannot be read, and each entry of an index that cannot be understood. The
// walk goes on without it if the call succeeds; an error ends the walk.
using OnProblem = std::function<Status(const Descriptor& document, Error problem)>;

// Leads to children_of() of each blob whose media type is that of an index, a manifest or an artifact
// manifest, and nowhere else. `provider` must outlive it. Without `on_problem` each problem ends the walk.
Handler children_handler(const Provider& provider, OnProblem on_problem = {});

// Returns one sentence about a document of an unknown kind.
std::string describe(const Descriptor& document, const UnknownDocument& content);

// Says skip to a descriptor without a digest, and to one whose digest was visited already, unless its media
// type says now that it is a document of another kind. Before another handler in handlers(), it lets that one
// see everything once. For one walk or dispatch; copies remember the same.
Handler first_visits();

}  // namespace layoutfs
