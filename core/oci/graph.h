// The graph of an image layout: what a document leads to.
#pragma once

#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "core/cas/engine.h"
#include "core/oci/documents.h"
#include "core/oci/walk.h"

namespace layoutfs {

// A document as far as it leads on: nothing for what is none of these.
using GraphNode = std::variant<std::monostate, Index, Manifest, ArtifactManifest>;

// The document that `descriptor` names, by its media type; where a descriptor has none, by what the document
// says that it is, else by what it looks like. What its media type says to be none of these is not read.
// Errors are those of read_index and read_manifest.
Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor);

// Of a manifest: the config, the layers in order. Of an index: the manifests in order. Of an artifact
// manifest: the blobs in order.
std::vector<Descriptor> children_of(GraphNode node);
// These, and the subject at the end. One that the layout does not have is left out: it may come later, or
// never (distribution-spec, "Pushing Manifests with Subject").
std::vector<Descriptor> children_and_subject_of(const Engine& engine, GraphNode node);
// children_and_subject_of(read_graph_node). Errc::invalid_image also for an index with an entry that is no
// descriptor: nobody knows what that one leads to.
Result<std::vector<Descriptor>> children_and_subject_of(const Engine& engine, const Descriptor& descriptor);

// Told of each document that cannot be read, and of each entry of an index that cannot be understood; an
// error ends the walk, else it goes on with what there is.
using OnProblem = std::function<Status(const Descriptor& document, Error problem)>;

// Leads to children_of() what the media type of a descriptor says to be a manifest or an index, and nowhere
// else. `provider` must outlive it. Without `on_problem` each problem ends the walk.
Handler children_handler(const Provider& provider, OnProblem on_problem = {});

// Says skip to a descriptor without a digest, and to one whose digest was visited already, unless its media
// type says now that it is a document of another kind. Before another handler in handlers(), it has that one
// see everything once. For one walk or dispatch; copies remember the same.
Handler first_visits();

}  // namespace layoutfs
