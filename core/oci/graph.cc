// The children of documents by kind.
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
#include "core/oci/document_form.h"
#include "core/oci/graph_checks.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Returns the descriptor of a blob by its digest, nullopt if the blob does not exist.
Result<std::optional<Descriptor>> described_blob(const Provider& provider, const Digest& digest) {
  const auto blob = provider.get_blob(digest);
  if (blob) return Descriptor{.digest = digest, .size = (*blob)->size()};
  if (blob.error().code() == Errc::not_found) return std::nullopt;
  return fail(Error(blob.error()));
}

// Reads a blob that may be a document; empty if it is too large for one. A descriptor with a wrong size still
// identifies the content.
Result<Bytes> read_possible_document(const Provider& provider, const Descriptor& descriptor) {
  const auto blob = described_blob(provider, descriptor.digest);
  if (!blob) return fail(Error(blob.error()));
  if (*blob && (*blob)->size > JsonLimits{}.bytes) return Bytes();
  return read_document(provider, *blob ? **blob : descriptor);
}

// Records the kinds as which each digest was visited: a digest that first appeared as a plain blob may turn
// out to be a document. Thread-safe.
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

bool is_absent(const LayoutReader& reader, const Descriptor& descriptor) {
  const auto is_there = reader.exists(descriptor.digest);
  return is_there && !*is_there;
}

Status tell_problems(const Descriptor& descriptor, const GraphNode& node, const OnProblem& on_problem) {
  const auto* index = std::get_if<Index>(&node);
  if (index == nullptr) return {};
  for (const std::string& problem : index->problems)
    if (auto told =
            on_problem(descriptor, Error(Errc::invalid_image, descriptor.digest.str() + ": " + problem));
        !told)
      return told;
  return {};
}

Status refuse(const Descriptor&, Error problem) { return fail(std::move(problem)); }

bool is_document_type(std::string_view media_type) { return is_understood(form_of(media_type)); }

bool is_unknown_type(std::string_view media_type) {
  const DocumentForm form = form_of(media_type);
  return form == DocumentForm::unknown || form == DocumentForm::untyped;
}

Result<GraphNode> read_graph_node(const Provider& provider, const Descriptor& descriptor) {
  DocumentForm form = form_of(descriptor.media_type);
  if (form == DocumentForm::leaf) return GraphNode();
  auto text = is_understood(form) ? read_document(provider, descriptor)
                                  : read_possible_document(provider, descriptor);
  if (!text) return fail(std::move(text).error());
  if (form == DocumentForm::untyped) form = form_of_text(*text).form;
  const auto digests = digests_of(form, *text);
  if (!digests) return fail(Error(digests.error()), descriptor.digest.str());
  const FindBlob find = [&](const Digest& digest) { return described_blob(provider, digest); };
  auto node = *digests ? resolve_node(find, form, **digests) : parse_node(form, *text);
  if (!node) return fail(std::move(node).error(), descriptor.digest.str());
  return node;
}

Result<GraphNode> parse_graph_node(ByteView text, std::string_view media_type) {
  const DocumentForm form = form_of(media_type);
  return is_understood(form) ? parse_node(form, text) : GraphNode();
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

std::vector<Descriptor> children_and_subject_of(const LayoutReader& reader, GraphNode node) {
  auto subject = subject_of(node);
  auto children = children_of(std::move(node));
  if (subject && !is_absent(reader, *subject)) children.push_back(std::move(*subject));
  return children;
}

Result<std::vector<Descriptor>> children_and_subject_of(const LayoutReader& reader,
                                                        const Descriptor& descriptor) {
  auto node = read_graph_node(reader, descriptor);
  if (!node) return fail(std::move(node).error());
  if (const auto* index = std::get_if<Index>(&*node); index != nullptr && !index->problems.empty())
    return fail(Errc::invalid_image, descriptor.digest.str() + ": " + index->problems.front());
  return children_and_subject_of(reader, std::move(*node));
}

std::optional<Referrer> referrer_of(const Descriptor& descriptor, const GraphNode& node) {
  const auto subject = subject_of(node);
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
      node);
  if (const auto* manifest = std::get_if<Manifest>(&node); manifest && manifest->artifact_type.empty())
    referrer.descriptor.artifact_type = manifest->config.media_type;
  return referrer;
}

Handler children_handler(const Provider& provider, OnProblem on_problem) {
  if (!on_problem) on_problem = refuse;
  return [&provider, on_problem = std::move(on_problem)](const Descriptor& descriptor,
                                                         const Context&) -> Result<Visit> {
    const DocumentForm form = form_of(descriptor.media_type);
    if (form == DocumentForm::unknown || form == DocumentForm::schema1)
      log(LogLevel::debug, descriptor.digest.str() + ": media type '" + descriptor.media_type +
                               "' is unknown; treated as a leaf");
    if (form != DocumentForm::index && form != DocumentForm::manifest && form != DocumentForm::artifact)
      return Visit();
    auto node = read_graph_node(provider, descriptor);
    auto told = node ? tell_problems(descriptor, *node, on_problem) : on_problem(descriptor, node.error());
    if (!told) return fail(std::move(told).error());
    return node ? Visit::to(children_of(std::move(*node))) : Visit();
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
