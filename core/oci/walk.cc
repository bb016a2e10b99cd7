// Going along descriptors.
#include "core/oci/walk.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace layoutfs {
namespace {

template <class Document>
Result<GraphNode> node_of(Result<Document> document) {
  if (!document) return fail(std::move(document).error());
  return GraphNode(std::move(*document));
}

// A document that comes without a media type. What cannot be one leads nowhere, which is no error.
Result<GraphNode> read_unknown(const Engine& engine, const Descriptor& descriptor) {
  const auto text = read_document(engine, descriptor);
  if (!text && text.error().code() == Errc::unsupported) return GraphNode();
  if (!text) return fail(Error(text.error()));
  if (auto manifest = Manifest::parse(*text)) return GraphNode(std::move(*manifest));
  if (auto index = Index::parse(*text)) return GraphNode(std::move(*index));
  return GraphNode();
}

std::vector<Descriptor> with_subject(std::vector<Descriptor> children, std::optional<Descriptor> subject) {
  if (subject) children.push_back(std::move(*subject));
  return children;
}

// What has been found so far, and in which way each digest is to be read. One that was first named as a plain
// blob may still turn out to be a document.
class Found {
 public:
  bool insert(const Descriptor& descriptor) {
    const unsigned way = descriptor.media_type.empty()
                             ? 1U
                             : 2U << static_cast<unsigned>(document_kind(descriptor.media_type));
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
  if (descriptor.media_type.empty()) return read_unknown(engine, descriptor);
  switch (document_kind(descriptor.media_type)) {
    case DocumentKind::index:
      return node_of(read_index(engine, descriptor));
    case DocumentKind::manifest:
      return node_of(read_manifest(engine, descriptor));
    case DocumentKind::other:
      return GraphNode();
  }
  return GraphNode();
}

std::vector<Descriptor> children_of(GraphNode node) {
  if (auto* index = std::get_if<Index>(&node))
    return with_subject(std::move(index->manifests), std::move(index->subject));
  auto* manifest = std::get_if<Manifest>(&node);
  if (manifest == nullptr) return {};
  std::vector<Descriptor> children;
  children.reserve(manifest->layers.size() + 2);
  children.push_back(std::move(manifest->config));
  std::ranges::move(manifest->layers, std::back_inserter(children));
  return with_subject(std::move(children), std::move(manifest->subject));
}

Result<std::vector<Descriptor>> children_of(const Engine& engine, const Descriptor& descriptor) {
  auto node = read_graph_node(engine, descriptor);
  if (!node) return fail(std::move(node).error());
  if (const auto* index = std::get_if<Index>(&*node); index != nullptr && !index->problems.empty())
    return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
  return children_of(std::move(*node));
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
