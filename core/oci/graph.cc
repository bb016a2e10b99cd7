// What leads where.
#include "core/oci/graph.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/json.h"
#include "core/base/log.h"

namespace layoutfs {
namespace {

enum class Form : std::uint8_t { unknown, leaf, index, manifest, artifact };

// By media type alone; unknown without one.
Form form_of(std::string_view media_type) {
  if (media_type.empty()) return Form::unknown;
  if (is_artifact_type(media_type)) return Form::artifact;
  switch (document_kind(media_type)) {
    case DocumentKind::index:
      return Form::index;
    case DocumentKind::manifest:
      return Form::manifest;
    case DocumentKind::other:
      return Form::leaf;
  }
  return Form::leaf;
}

// Of a document that comes without a media type. By which members it leads on is enough: whether all of it
// can be understood is for the parser to say, as what is taken for a leaf loses all behind it to the garbage
// collection.
Form form_of_text(ByteView text) {
  const auto document = JsonDocument::parse(text);
  if (!document) return Form::leaf;
  const auto root = document->root();
  const auto own_type = root.find("mediaType");
  const auto own = form_of(own_type ? own_type->as_string().value_or("") : "");
  if (own != Form::unknown && own != Form::leaf) return own;
  if (root.find("manifests")) return Form::index;
  // An image's config has a member `config` too, which is no descriptor.
  const auto config = root.find("config");
  if (root.find("layers") || root.find("fsLayers") || (config && config->find("digest")))
    return Form::manifest;
  return root.find("blobs") ? Form::artifact : Form::leaf;
}

template <class Document>
Result<GraphNode> parse_as(ByteView text) {
  auto document = Document::parse(text);
  if (!document) return fail(std::move(document).error());
  return GraphNode(std::move(*document));
}

Result<GraphNode> parse_node(Form form, ByteView text) {
  switch (form) {
    case Form::index:
      return parse_as<Index>(text);
    case Form::manifest:
      return parse_as<Manifest>(text);
    case Form::artifact:
      return parse_as<ArtifactManifest>(text);
    case Form::unknown:
    case Form::leaf:
      return GraphNode();
  }
  return GraphNode();
}

// One of which it cannot be said whether the layout has it stays: whoever reads it learns why.
bool is_absent(const Engine& engine, const Descriptor& descriptor) {
  const auto is_there = engine.exists(descriptor.digest);
  return is_there && !*is_there;
}

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

Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor) {
  const Form form = form_of(descriptor.media_type);
  if (form == Form::leaf) return GraphNode();
  const auto text = read_document(provider, descriptor);
  // What is too large for a document is none.
  if (!text && form == Form::unknown && text.error().code() == Errc::unsupported) return GraphNode();
  if (!text) return fail(Error(text.error()));
  auto node = parse_node(form == Form::unknown ? form_of_text(*text) : form, *text);
  if (!node) return fail(std::move(node).error(), descriptor.digest.str());
  return node;
}

std::vector<Descriptor> children_of(GraphNode node) {
  if (auto* index = std::get_if<Index>(&node)) return std::move(index->manifests);
  if (auto* artifact = std::get_if<ArtifactManifest>(&node)) return std::move(artifact->blobs);
  std::vector<Descriptor> children;
  if (auto* manifest = std::get_if<Manifest>(&node)) {
    children.reserve(manifest->layers.size() + 2);
    children.push_back(std::move(manifest->config));
    std::ranges::move(manifest->layers, std::back_inserter(children));
  }
  return children;
}

std::vector<Descriptor> children_and_subject_of(const Engine& engine, GraphNode node) {
  std::optional<Descriptor> subject = std::visit(
      [](auto& document) -> std::optional<Descriptor> {
        if constexpr (requires { document.subject; }) return std::move(document.subject);
        return std::nullopt;
      },
      node);
  auto children = children_of(std::move(node));
  if (subject && !is_absent(engine, *subject)) children.push_back(std::move(*subject));
  return children;
}

Result<std::vector<Descriptor>> children_and_subject_of(const Engine& engine, const Descriptor& descriptor) {
  auto node = read_graph_node(engine, descriptor);
  if (!node) return fail(std::move(node).error());
  if (const auto* index = std::get_if<Index>(&*node); index != nullptr && !index->problems.empty())
    return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
  return children_and_subject_of(engine, std::move(*node));
}

Handler children_handler(const Provider& provider, OnProblem on_problem) {
  if (!on_problem) on_problem = [](const Descriptor&, Error problem) { return fail(std::move(problem)); };
  return [&provider, on_problem = std::move(on_problem)](const Descriptor& descriptor,
                                                         const Context&) -> Result<Visit> {
    switch (form_of(descriptor.media_type)) {
      case Form::unknown:
        return Visit();
      case Form::leaf:
        if (!is_layer_type(descriptor.media_type) && !is_config_type(descriptor.media_type))
          log(LogLevel::debug, descriptor.digest.str() + ": media type '" + descriptor.media_type +
                                   "' is taken to lead nowhere");
        return Visit();
      case Form::index:
      case Form::manifest:
      case Form::artifact:
        break;
    }
    auto node = read_graph_node(provider, descriptor);
    if (!node) {
      if (auto told = on_problem(descriptor, std::move(node).error()); !told)
        return fail(std::move(told).error());
      return Visit();
    }
    if (const auto* index = std::get_if<Index>(&*node))
      for (const std::string& problem : index->problems)
        if (auto told =
                on_problem(descriptor, Error(Errc::invalid_image, descriptor.digest.str() + ": " + problem));
            !told)
          return fail(std::move(told).error());
    return Visit::to(children_of(std::move(*node)));
  };
}

Handler first_visits() {
  return
      [visited = std::make_shared<Visited>()](const Descriptor& descriptor, const Context&) -> Result<Visit> {
        if (descriptor.digest.empty() || !visited->insert(descriptor)) return Visit::skip();
        return Visit();
      };
}

}  // namespace layoutfs
