// The graph of an image layout: what a document leads to, and everything that can be reached.
#pragma once

#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "core/cas/engine.h"
#include "core/oci/documents.h"

namespace layoutfs {

// A document as far as it leads on: nothing for what is none of these.
using GraphNode = std::variant<std::monostate, Index, Manifest, ArtifactManifest>;

// The document that `descriptor` names, by its media type; where a descriptor has none, by what the document
// says that it is, else by what it looks like. What its media type says to be none of these is not read.
// Errors are those of read_index and read_manifest.
Result<GraphNode> read_graph_node(const Engine& engine, const Descriptor& descriptor);

// Of a manifest: the config, the layers in order, the subject. Of an index: the manifests in order, the
// subject. Of an artifact manifest: the blobs in order, the subject. A subject that the layout does not have
// is left out: it may come later, or never (distribution-spec, "Pushing Manifests with Subject").
std::vector<Descriptor> children_of(const Engine& engine, GraphNode node);
// children_of(read_graph_node). Errc::invalid_image also for an index with an entry that is no descriptor:
// nobody knows what that one leads to.
Result<std::vector<Descriptor>> children_of(const Engine& engine, const Descriptor& descriptor);

// Called with each descriptor; returns those to go on with, or an error, which ends the walk.
using Visit = std::function<Result<std::vector<Descriptor>>(const Descriptor&)>;

// Visits the roots and everything behind them, what a document leads to before the document's next sibling.
// A digest is visited once, by the first descriptor that names it: circles end. It is visited again only
// where another descriptor's media type says that it is a document of another kind. Descriptors without a
// digest are left out.
Status walk(std::span<const Descriptor> roots, const Visit& visit);

}  // namespace layoutfs
