// Going along descriptors.
#include "core/oci/walk.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/json.h"

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

// What has been found so far, and in which way each digest is to be read. One that was first named as a plain
// blob may still turn out to be a document.
class Found {
 public:
  bool insert(const Descriptor& descriptor) {
    const unsigned way = 1U << static_cast<unsigned>(form_of(descriptor.media_type));
    std::uint8_t& ways = ways_[descriptor.digest];
    if ((ways & way) != 0) return false;
    ways = static_cast<std::uint8_t>(ways | way);
    return true;
  }

 private:
  std::unordered_map<Digest, std::uint8_t> ways_;
};

}  // namespace

Result<GraphNode> read_graph_node(const Engine& engine, const Descriptor& descriptor) {
  const Form form = form_of(descriptor.media_type);
  if (form == Form::leaf) return GraphNode();
  const auto text = read_document(engine, descriptor);
  // What is too large for a document is none.
  if (!text && form == Form::unknown && text.error().code() == Errc::unsupported) return GraphNode();
  if (!text) return fail(Error(text.error()));
  auto node = parse_node(form == Form::unknown ? form_of_text(*text) : form, *text);
  if (!node) return fail(std::move(node).error(), descriptor.digest.str());
  return node;
}

std::vector<Descriptor> children_of(const Engine& engine, GraphNode node) {
  std::vector<Descriptor> children;
  std::optional<Descriptor> subject;
  if (auto* index = std::get_if<Index>(&node)) {
    children = std::move(index->manifests);
    subject = std::move(index->subject);
  } else if (auto* manifest = std::get_if<Manifest>(&node)) {
    children.reserve(manifest->layers.size() + 2);
    children.push_back(std::move(manifest->config));
    std::ranges::move(manifest->layers, std::back_inserter(children));
    subject = std::move(manifest->subject);
  } else if (auto* artifact = std::get_if<ArtifactManifest>(&node)) {
    children = std::move(artifact->blobs);
    subject = std::move(artifact->subject);
  }
  if (subject && !is_absent(engine, *subject)) children.push_back(std::move(*subject));
  return children;
}

Result<std::vector<Descriptor>> children_of(const Engine& engine, const Descriptor& descriptor) {
  auto node = read_graph_node(engine, descriptor);
  if (!node) return fail(std::move(node).error());
  if (const auto* index = std::get_if<Index>(&*node); index != nullptr && !index->problems.empty())
    return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
  return children_of(engine, std::move(*node));
}

Status walk(std::span<const Descriptor> roots, const Visit& visit) {
  Found found;
  std::vector<Descriptor> pending;  // the next one last, each only once
  const auto add = [&](std::span<const Descriptor> descriptors) {
    const std::size_t first = pending.size();
    for (const Descriptor& descriptor : descriptors)
      if (!descriptor.digest.empty() && found.insert(descriptor)) pending.push_back(descriptor);
    std::reverse(pending.begin() + static_cast<std::ptrdiff_t>(first), pending.end());
  };
  add(roots);
  while (!pending.empty()) {
    const Descriptor descriptor = std::move(pending.back());
    pending.pop_back();
    const auto children = visit(descriptor);
    if (!children) return fail(Error(children.error()));
    add(*children);
  }
  return {};
}

}  // namespace layoutfs
