// Children by the kinds of documents.
#include "core/oci/graph.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/json.h"
#include "core/base/json_names.h"
#include "core/base/log.h"
#include "core/oci/media_types.h"
#include "core/oci/mentions.h"

namespace layoutfs {
namespace {

enum class Form : std::uint8_t { untyped, leaf, index, manifest, artifact, schema1, unknown };

// By media type alone.
Form form_of(std::string_view media_type) {
  if (media_type.empty()) return Form::untyped;
  switch (document_kind(media_type)) {
    case DocumentKind::index:
      return Form::index;
    case DocumentKind::manifest:
      return Form::manifest;
    case DocumentKind::other:
      break;
  }
  if (is_artifact_type(media_type)) return Form::artifact;
  if (is_schema1_type(media_type)) return Form::schema1;
  const bool leads_nowhere = is_layer_type(media_type) || is_config_type(media_type) ||
                             is_media_type(media_type, media_type::kOciEmpty);
  return leads_nowhere ? Form::leaf : Form::unknown;
}

bool is_understood(Form form) {
  return form == Form::index || form == Form::manifest || form == Form::artifact || form == Form::schema1;
}

// Returns true if some reader takes a member of `object` for `field`.
bool may_have(JsonValue object, std::string_view field) {
  for (std::size_t i = 0; object.is_object() && i < object.size(); ++i)
    if (is_folded_equal(object.name_at(i), field)) return true;
  return false;
}

// Returns true if it leads on like a manifest. An image's config has a member `config` too, which is not a
// descriptor.
bool has_manifest_members(JsonValue root) {
  if (may_have(root, "layers")) return true;
  for (std::size_t i = 0; root.is_object() && i < root.size(); ++i)
    if (is_folded_equal(root.name_at(i), "config") && may_have(root.at(i), "digest")) return true;
  return false;
}

// Of a document that comes without a media type. The members by which it leads on are enough: whether all of
// it can be understood, and by all readers alike, is for the parser to say, as the garbage collection loses
// everything behind a document that is taken for a leaf.
Form form_of_text(ByteView text) {
  const auto document = JsonDocument::parse(text, {.are_names_unique = false});
  if (!document) return Form::unknown;
  const auto root = document->root();
  const auto own_type = root.find("mediaType");
  const auto own = form_of(own_type ? own_type->as_string().value_or("") : "");
  if (is_understood(own)) return own;
  if (may_have(root, "manifests")) return Form::index;
  if (has_manifest_members(root)) return Form::manifest;
  if (may_have(root, "fsLayers")) return Form::schema1;
  return may_have(root, "blobs") ? Form::artifact : Form::unknown;
}

// The descriptor of a blob that is known by its digest alone. Nothing if there is no such blob.
Result<std::optional<Descriptor>> find_blob(const Provider& provider, const Digest& digest) {
  const auto blob = provider.get_blob(digest);
  if (blob) return Descriptor{.digest = digest, .size = (*blob)->size()};
  if (blob.error().code() == Errc::not_found) return std::nullopt;
  return fail(Error(blob.error()));
}

template <class Document>
Result<GraphNode> parse_as(ByteView text) {
  auto document = Document::parse(text);
  if (!document) return fail(std::move(document).error());
  return GraphNode(std::move(*document));
}

Result<GraphNode> parse_schema1(const Provider& provider, ByteView text) {
  auto manifest = Schema1Manifest::parse(text);
  if (!manifest) return fail(std::move(manifest).error());
  Schema1Node node;
  for (const Digest& digest : manifest->layers) {
    auto blob = find_blob(provider, digest);
    if (!blob) return fail(std::move(blob).error());
    Descriptor layer = *blob ? std::move(**blob) : Descriptor{.digest = digest};
    layer.media_type = media_type::kDockerLayerGzip;
    node.layers.push_back(std::move(layer));
  }
  return node;
}

Result<GraphNode> parse_unknown(const Provider& provider, ByteView text) {
  if (!looks_like_document(text)) return GraphNode();
  UnknownDocument document;
  for (const Digest& digest : digests_in(text)) {
    auto blob = find_blob(provider, digest);
    if (!blob) return fail(std::move(blob).error());
    if (*blob) document.mentioned.push_back(std::move(**blob));
  }
  return document;
}

Result<GraphNode> parse_node(const Provider& provider, Form form, ByteView text) {
  switch (form) {
    case Form::index:
      return parse_as<Index>(text);
    case Form::manifest:
      return parse_as<Manifest>(text);
    case Form::artifact:
      return parse_as<ArtifactManifest>(text);
    case Form::schema1:
      return parse_schema1(provider, text);
    case Form::unknown:
      return parse_unknown(provider, text);
    case Form::untyped:
    case Form::leaf:
      break;
  }
  return GraphNode();
}

// The blob of a descriptor that does not say that it is a document; empty if it is too large for one. A
// descriptor that is wrong about the size is still right about the content.
Result<Bytes> read_possible_document(const Provider& provider, const Descriptor& descriptor) {
  const auto blob = find_blob(provider, descriptor.digest);
  if (!blob) return fail(Error(blob.error()));
  if (*blob && (*blob)->size > JsonLimits{}.bytes) return Bytes();
  return read_document(provider, *blob ? **blob : descriptor);
}

// One of which it cannot be said whether the layout has it stays: its reader learns why.
bool is_absent(const LayoutReader& engine, const Descriptor& descriptor) {
  const auto is_there = engine.exists(descriptor.digest);
  return is_there && !*is_there;
}

// Calls `on_problem` with everything that is wrong with the document. The error is that of a call.
Status tell_problems(const Descriptor& descriptor, const Result<GraphNode>& node,
                     const OnProblem& on_problem) {
  if (!node) return on_problem(descriptor, Error(node.error()));
  if (const auto* index = std::get_if<Index>(&*node))
    for (const std::string& problem : index->problems)
      if (auto told =
              on_problem(descriptor, Error(Errc::invalid_image, descriptor.digest.str() + ": " + problem));
          !told)
        return told;
  return {};
}

Status refuse(const Descriptor&, Error problem) { return fail(std::move(problem)); }

// In which ways each digest was visited. One that was first named as a plain blob may still turn out to be a
// document. Thread-safe.
class Visited {
 public:
  bool insert(const Descriptor& descriptor) {
    const unsigned way = 1U << static_cast<unsigned>(form_of(descriptor.media_type));
    auto all = ways_.lock();
    std::uint8_t& ways = (*all)[descriptor.digest];
    if ((ways & way) != 0) return false;
    ways = static_cast<std::uint8_t>(ways | way);
    return true;
  }

 private:
  Guarded<std::unordered_map<Digest, std::uint8_t>> ways_;
};

}  // namespace

bool is_document_type(std::string_view media_type) { return is_understood(form_of(media_type)); }

bool is_unknown_type(std::string_view media_type) {
  const Form form = form_of(media_type);
  return form == Form::unknown || form == Form::untyped;
}

Result<GraphDocument> read_graph_document(const Provider& provider, const Descriptor& descriptor) {
  Form form = form_of(descriptor.media_type);
  if (form == Form::leaf) return GraphDocument();
  auto text = is_understood(form) ? read_document(provider, descriptor)
                                  : read_possible_document(provider, descriptor);
  if (!text) return fail(std::move(text).error());
  if (form == Form::untyped) form = form_of_text(*text);
  auto node = parse_node(provider, form, *text);
  if (!node) return fail(std::move(node).error(), descriptor.digest.str());
  const bool is_document = !std::holds_alternative<std::monostate>(*node);
  return GraphDocument{std::move(*node), is_document ? std::move(*text) : Bytes()};
}

Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor) {
  auto document = read_graph_document(provider, descriptor);
  if (!document) return fail(std::move(document).error());
  return std::move(document->node);
}

std::vector<Descriptor> children_of(GraphNode node) {
  if (auto* index = std::get_if<Index>(&node)) return std::move(index->manifests);
  if (auto* artifact = std::get_if<ArtifactManifest>(&node)) return std::move(artifact->blobs);
  if (auto* schema1 = std::get_if<Schema1Node>(&node)) return std::move(schema1->layers);
  if (auto* unknown = std::get_if<UnknownDocument>(&node)) return std::move(unknown->mentioned);
  std::vector<Descriptor> children;
  if (auto* manifest = std::get_if<Manifest>(&node)) {
    children.reserve(manifest->layers.size() + 2);
    children.push_back(std::move(manifest->config));
    std::ranges::move(manifest->layers, std::back_inserter(children));
  }
  return children;
}

std::optional<Descriptor> subject_of(const GraphNode& node) {
  return std::visit(
      [](const auto& document) -> std::optional<Descriptor> {
        if constexpr (requires { document.subject; }) return document.subject;
        return std::nullopt;
      },
      node);
}

std::vector<Descriptor> children_and_subject_of(const LayoutReader& engine, GraphNode node) {
  auto subject = subject_of(node);
  auto children = children_of(std::move(node));
  if (subject && !is_absent(engine, *subject)) children.push_back(std::move(*subject));
  return children;
}

Result<std::vector<Descriptor>> children_and_subject_of(const LayoutReader& engine,
                                                        const Descriptor& descriptor) {
  auto node = read_graph_node(engine, descriptor);
  if (!node) return fail(std::move(node).error());
  if (const auto* index = std::get_if<Index>(&*node); index != nullptr && !index->problems.empty())
    return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
  return children_and_subject_of(engine, std::move(*node));
}

Result<std::optional<Referrer>> read_referrer(const Provider& provider, const Descriptor& descriptor) {
  if (!is_document_type(descriptor.media_type)) return std::nullopt;
  const auto node = read_graph_node(provider, descriptor);
  if (!node) return fail(Error(node.error()));
  const auto subject = subject_of(*node);
  if (!subject) return std::nullopt;
  Referrer referrer{
      subject->digest,
      {.media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size}};
  std::visit(
      [&](const auto& document) {
        if constexpr (requires { document.subject; }) {
          referrer.descriptor.artifact_type = document.artifact_type;
          referrer.descriptor.annotations = document.annotations;
        }
      },
      *node);
  if (const auto* manifest = std::get_if<Manifest>(&*node); manifest && manifest->artifact_type.empty())
    referrer.descriptor.artifact_type = manifest->config.media_type;
  return referrer;
}

Result<IndexChildren> index_children_of(const LayoutReader& engine, std::span<const Descriptor> roots,
                                        const Context& context) {
  IndexChildren all;
  std::unordered_set<Digest> seen;
  const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    if (document_kind(descriptor.media_type) != DocumentKind::index) return Visit();
    auto index = read_index(engine, descriptor);
    if (!index) return Visit();
    for (const Descriptor& child : index->manifests) {
      if (!seen.insert(child.digest).second) continue;
      if (is_absent(engine, child))
        all.absent.push_back({descriptor.digest, child});
      else
        all.present.push_back(child);
    }
    return Visit::to(std::move(index->manifests));
  };
  auto walked = walk(roots, handlers({first_visits(), note}), context);
  if (!walked) return fail(std::move(walked).error());
  return all;
}

Handler children_handler(const Provider& provider, OnProblem on_problem) {
  if (!on_problem) on_problem = refuse;
  return [&provider, on_problem = std::move(on_problem)](const Descriptor& descriptor,
                                                         const Context&) -> Result<Visit> {
    const Form form = form_of(descriptor.media_type);
    if (form == Form::unknown || form == Form::schema1)
      log(LogLevel::debug,
          descriptor.digest.str() + ": media type '" + descriptor.media_type + "' is taken to lead nowhere");
    if (form != Form::index && form != Form::manifest && form != Form::artifact) return Visit();
    auto node = read_graph_node(provider, descriptor);
    if (auto told = tell_problems(descriptor, node, on_problem); !told) return fail(std::move(told).error());
    return node ? Visit::to(children_of(std::move(*node))) : Visit();
  };
}

Handler all_children_handler(const LayoutReader& engine, AllChildrenOptions options) {
  if (!options.on_problem) options.on_problem = refuse;
  return
      [&engine, options = std::move(options)](const Descriptor& descriptor, const Context&) -> Result<Visit> {
        auto node = read_graph_node(engine, descriptor);
        const bool is_missing = !node && node.error().code() == Errc::not_found;
        if (is_missing && is_unknown_type(descriptor.media_type)) return Visit();
        if (auto told = tell_problems(descriptor, node, options.on_problem); !told)
          return fail(std::move(told).error());
        if (!node) return Visit();
        const auto* unknown = std::get_if<UnknownDocument>(&*node);
        if (unknown != nullptr && !unknown->mentioned.empty() && options.on_unknown)
          options.on_unknown(descriptor, *unknown);
        const bool is_index = std::holds_alternative<Index>(*node);
        auto children = children_of(std::move(*node));
        if (!is_index || !options.on_absent) return Visit::to(std::move(children));
        std::vector<Descriptor> present;
        for (Descriptor& child : children) {
          if (!is_absent(engine, child)) {
            present.push_back(std::move(child));
          } else if (auto told = options.on_absent(descriptor, child); !told) {
            return fail(std::move(told).error());
          }
        }
        return Visit::to(std::move(present));
      };
}

std::string describe(const Descriptor& document, const UnknownDocument& content) {
  const std::size_t count = content.mentioned.size();
  return document.digest.str() + ": a document of the unknown media type '" + document.media_type +
         "'; it mentions " + std::to_string(count) + (count == 1 ? " blob" : " blobs") + " of the layout";
}

Handler first_visits() {
  return
      [visited = std::make_shared<Visited>()](const Descriptor& descriptor, const Context&) -> Result<Visit> {
        if (descriptor.digest.empty() || !visited->insert(descriptor)) return Visit::skip();
        return Visit();
      };
}

}  // namespace layoutfs
