#include "core/oci/image_entries.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/oci/media_types.h"
#include "layoutfs/platform.h"

namespace layoutfs {
namespace {

using Entries = std::vector<const Descriptor*>;

// With more entries, documents are not read.
constexpr std::size_t kMaxDocuments = 512;

// Returns whether it is the tag of a cosign signature, attestation or SBOM, or of a list of referrers
// (distribution-spec, "Referrers Tag Schema"): the subject's digest with '-' instead of ':', and a suffix.
bool is_tag_of_referrers(std::string_view name) {
  const std::string_view tag = name.substr(name.find_last_of(":/") + 1);
  constexpr std::string_view kPrefix = "sha256-";
  constexpr std::size_t kDigits = 64;
  if (!tag.starts_with(kPrefix)) return false;
  const auto end = tag.find_first_not_of("0123456789abcdef", kPrefix.size());
  const std::string_view suffix = end == std::string_view::npos ? "" : tag.substr(end);
  const std::size_t digits = tag.size() - kPrefix.size() - suffix.size();
  return digits == kDigits && (suffix.empty() || suffix.front() == '.');
}

// `cosign save` writes these beside the image: "dev.cosignproject.cosign/sigs", ".../atts".
bool is_saved_signature(const Descriptor& entry) {
  constexpr std::string_view kPrefix = "dev.cosignproject.cosign/";
  const auto kind = entry.annotation("kind").value_or("");
  return kind.starts_with(kPrefix) && !kind.substr(kPrefix.size()).starts_with("image");
}

bool is_image_by_descriptor(const Descriptor& entry) {
  if (is_not_image(entry) || is_saved_signature(entry)) return false;
  if (is_tag_of_referrers(entry.ref_name().value_or(""))) return false;
  return entry.media_type.empty() || document_kind(entry.media_type) != DocumentKind::other;
}

// Returns one entry per digest: the first one with a name, otherwise the first.
Entries distinct(const References& references) {
  Entries found;
  std::unordered_map<Digest, std::size_t> positions;  // in `found`
  for (const Descriptor& entry : references.entries) {
    const auto [known, is_new] = positions.try_emplace(entry.digest, found.size());
    if (is_new)
      found.push_back(&entry);
    else if (!found[known->second]->ref_name() && entry.ref_name())
      found[known->second] = &entry;
  }
  return found;
}

// Signatures and attestations often have an image config and layers of their own types.
bool has_only_foreign_layers(const Manifest& manifest) {
  return !manifest.layers.empty() &&
         std::ranges::none_of(manifest.layers, is_layer_type, &Descriptor::media_type);
}

Result<bool> is_image_by_document(const LayoutGraph& graph, const Descriptor& entry, const Context& context) {
  const auto document = graph.read(entry, context);
  if (!document && document.error().code() == Errc::cancelled) return fail(Error(document.error()));
  if (!document) return true;
  const GraphNode& node = (*document)->node;
  if (subject_of(node)) return false;
  if (std::holds_alternative<Index>(node)) return true;
  const auto* manifest = std::get_if<Manifest>(&node);
  return manifest != nullptr && manifest->is_image() && !has_only_foreign_layers(*manifest);
}

Status drop_children_of_indexes(const LayoutGraph& graph, Entries& entries, const Context& context) {
  std::vector<Descriptor> indexes;
  for (const Descriptor* const entry : entries)
    if (document_kind(entry->media_type) == DocumentKind::index) indexes.push_back(*entry);
  const auto children = index_children_of(graph, indexes, context);
  if (!children) return fail(Error(children.error()));
  std::unordered_set<Digest> digests;
  for (const Descriptor& child : children->present) digests.insert(child.digest);
  std::erase_if(entries, [&](const Descriptor* entry) { return digests.contains(entry->digest); });
  return {};
}

Result<Entries> choose(const LayoutGraph& graph, Entries entries, const Context& context) {
  std::erase_if(entries, [](const Descriptor* entry) { return !is_image_by_descriptor(*entry); });
  if (entries.size() < 2 || entries.size() > kMaxDocuments) return entries;
  if (auto dropped = drop_children_of_indexes(graph, entries, context); !dropped)
    return fail(std::move(dropped).error());
  Entries images;
  for (const Descriptor* const entry : entries) {
    const auto is_image = is_image_by_document(graph, *entry, context);
    if (!is_image) return fail(Error(is_image.error()));
    if (*is_image) images.push_back(entry);
  }
  return images;
}

}  // namespace

Result<std::vector<const Descriptor*>> image_entries(const LayoutGraph& graph, const References& references,
                                                     const Context& context) {
  Entries all = distinct(references);
  auto chosen = choose(graph, all, context);
  if (!chosen || !chosen->empty()) return chosen;
  return all;
}

}  // namespace layoutfs
